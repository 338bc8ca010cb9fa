package stdio

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/mark3labs/mcp-go/mcp"
	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/internal/jsondepth"
)

const (
	methodCancelled = "notifications/cancelled"
	methodProgress  = "notifications/progress"
	methodListen    = string(mcp.MethodSubscriptionsListen)
	methodCall      = string(mcp.MethodToolsCall)

	methodInitialize = string(mcp.MethodInitialize)

	codeOverloaded = -32000 // the first of the codes JSON-RPC leaves to servers
)

// message is one line of the client, its values as sent.
type message struct {
	JSONRPC json.RawMessage `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Method  *string         `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   json.RawMessage `json:"error"`
}

// refusal is an error answer that needs no server.
type refusal struct {
	id   json.RawMessage // nil = null
	code int
	text string
}

// parse reads one line. The slices of the message do not refer to it.
func parse(line []byte) (message, *refusal) {
	if line[0] == '[' && json.Valid(line) {
		return message{}, &refusal{nil, mcp.INVALID_REQUEST, "batches are not supported: send one message a line"}
	}
	var m message
	err := json.Unmarshal(line, &m)
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return m, &refusal{m.usableID(), mcp.INVALID_REQUEST, "not a JSON-RPC message"}
	case err != nil && jsondepth.Check(line) != nil: // whoever sent it waits for an answer under its id
		return m, &refusal{idIn(line), mcp.INVALID_REQUEST, "refused: " + jsondepth.ErrTooDeep.Error()}
	case err != nil:
		return m, &refusal{nil, mcp.PARSE_ERROR, "parse error: a line must be one JSON object"}
	case m.Method == nil && m.Result == nil && m.Error == nil:
		return m, &refusal{m.usableID(), mcp.INVALID_REQUEST, "not a JSON-RPC message: no method"}
	case m.ID != nil && m.usableID() == nil:
		return m, &refusal{nil, mcp.INVALID_REQUEST, "id must be a string or a number"}
	}
	return m, nil
}

// usableID returns the id where an answer can bear it.
func (m message) usableID() json.RawMessage {
	if len(m.ID) > 0 && (m.ID[0] == '"' || m.ID[0] == '-' || m.ID[0] >= '0' && m.ID[0] <= '9') {
		return m.ID
	}
	return nil
}

// idIn finds the id of a message of which only the first bytes are there, nil
// where it is not in them.
func idIn(head []byte) json.RawMessage {
	d := json.NewDecoder(bytes.NewReader(head))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil || d.InputOffset() == int64(len(head)) {
			return nil // cut within the value
		}
		if name == "id" {
			return message{ID: value}.usableID()
		}
	}
	return nil
}

// key makes ids comparable with their type: a string by its value, with its
// opening quote, a number as written, so that no digit is lost.
func key(id json.RawMessage) string {
	var s string
	if len(id) > 0 && id[0] == '"' && json.Unmarshal(id, &s) == nil {
		return `"` + s
	}
	return string(id)
}

// encode writes the message for mcp-go, under id where that is not "". It is
// written anew so that a doubled or oddly cased key means the same to both.
func (m message) encode(id string) []byte {
	b := make([]byte, 0, len(m.Params)+len(*m.Method)+96)
	b = append(b, '{')
	if m.JSONRPC != nil {
		b = append(append(append(b, `"jsonrpc":`...), m.JSONRPC...), ',')
	}
	if id != "" {
		b = append(append(append(b, `"id":"`...), id...), `",`...)
	}
	method, _ := json.Marshal(*m.Method) // a string cannot fail
	b = append(append(b, `"method":`...), method...)
	if m.Params != nil {
		b = append(append(b, `,"params":`...), m.Params...)
	}
	return append(b, "}\n"...)
}

// takeToken replaces the progress token in the parameters by id and returns
// what was there, nil where there is none.
func (m *message) takeToken(id string) json.RawMessage {
	token := gjson.GetBytes(m.Params, "_meta.progressToken")
	if token.Type != gjson.String && token.Type != gjson.Number {
		return nil
	}
	if changed, ok := splice(m.Params, token, `"`+id+`"`); ok {
		m.Params = changed
		return json.RawMessage(token.Raw)
	}
	return nil
}

// splice returns b with what v was found as replaced by with.
func splice(b []byte, v gjson.Result, with string) ([]byte, bool) {
	end := v.Index + len(v.Raw)
	if v.Index <= 0 || end > len(b) || !bytes.Equal(b[v.Index:end], []byte(v.Raw)) {
		return b, false
	}
	out := make([]byte, 0, len(b)-len(v.Raw)+len(with))
	return append(append(append(out, b[:v.Index]...), with...), b[end:]...), true
}

// cancelLine asks mcp-go to cancel the request it knows as id.
func cancelLine(id string) []byte {
	return []byte(`{"jsonrpc":"2.0","method":"` + methodCancelled + `","params":{"requestId":"` + id + `"}}` + "\n")
}
