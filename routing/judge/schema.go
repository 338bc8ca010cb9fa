package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Schemas checks replies against their schemas, compiled when first needed and
// kept: a server's grammar does not enforce all of a schema, and some versions
// ignore it.
type Schemas struct {
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

// keepSchemas bounds the cache: plans have a schema of their own each.
const keepSchemas = 64

// Check names the first rule of schema that text breaks.
func (s *Schemas) Check(schema json.RawMessage, text []byte) error {
	sch, err := s.get(string(schema))
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("it is not JSON")
	}
	err = sch.Validate(value)
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		for len(invalid.Causes) > 0 {
			invalid = invalid.Causes[0]
		}
		at := "/" + strings.Join(invalid.InstanceLocation, "/")
		return fmt.Errorf("at %s: rule %s", at, strings.Join(invalid.ErrorKind.KeywordPath(), "/"))
	}
	return err
}

func (s *Schemas) get(schema string) (*jsonschema.Schema, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sch, ok := s.compiled[schema]; ok {
		return sch, nil
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	c := jsonschema.NewCompiler()
	const name = "reply.json"
	if err := c.AddResource(name, doc); err != nil {
		return nil, fmt.Errorf("the schema cannot be used: %w", err)
	}
	sch, err := c.Compile(name)
	if err != nil {
		return nil, fmt.Errorf("the schema cannot be used: %w", err)
	}
	if s.compiled == nil || len(s.compiled) >= keepSchemas {
		s.compiled = map[string]*jsonschema.Schema{}
	}
	s.compiled[schema] = sch
	return sch, nil
}
