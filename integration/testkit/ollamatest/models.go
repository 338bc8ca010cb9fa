package ollamatest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
)

// Models in every server. They obey a reply schema and end their answers.
const (
	TinyLlama = "tiny-llama" // random weights, the engine of llama.cpp
	TinyQwen  = "tiny-qwen3" // random weights, Ollama's own engine
	// Steered classifies every ticket as BUG, medium, with a confidence near 1,
	// and plans one that affects main.go alone with one criterion, AC-1.
	Steered = "steered"
	// SteeredSlow says the same with five times the work: a tenth of a second for
	// a ticket, so that a program's own few milliseconds are judged beside a server's work.
	SteeredSlow = "steered-slow"
	// Unsure finds every complexity equally likely: a confidence near 1/3.
	Unsure = "unsure"
	// Looping repeats itself in every free string until the server breaks the
	// answer off: done:false, status 200.
	Looping = "looping"
	// Endless says the alphabet over and over and never ends; Server.Endless
	// creates it. A fast machine takes a millisecond or more for a token, so that
	// an answer of thousands is still being written while a test acts.
	Endless = "endless"
	// SmolLM is a real, weak language model; Server.SmolLM creates it.
	SmolLM = "smollm2:135m"
)

const (
	steeredReply = tinygguf.Start + `{"category":"BUG","complexity":"medium"}` + tinygguf.End
	steeredPlan  = tinygguf.Start + `{"files":{"main.go":{"action":"modify","where":` + steeredWords + `,"what":` + steeredWords +
		`,"approach":` + steeredWords + `}},"criteria":{"AC-1":{"file":` + steeredWords + `,"name":` + steeredWords +
		`,"checks":` + steeredWords + `}},"risk":` + steeredWords + `}` + tinygguf.End
	// steeredWords are in every free string. The model knows only its last
	// byte, so no byte may occur twice; "main" is in any main.go, and four more
	// words are what the acceptance check wants of a step.
	steeredWords = `"` + SteeredWords + `"`
	// SteeredWords is what the plans of Steered say.
	SteeredWords = "main jug,box;fly/wept"
)

// steered is a ladder: where a byte may be followed by several, the step that
// must be taken weighs more.
func steered() []tinygguf.Text {
	return []tinygguf.Text{
		{Text: steeredReply, Boost: 20},
		{Text: steeredPlan, Boost: 20},
		{Text: `"]`, Boost: 28},         // a list ends after one
		{Text: `[{`, Boost: 28},         // and is not empty
		{Text: steeredWords, Boost: 40}, // in a free string, over everything else
	}
}

// WriteSteered writes the weights of Steered, for servers of another make.
func WriteSteered(w io.Writer) error {
	return tinygguf.Write(w, tinygguf.Options{Arch: tinygguf.Qwen3, Say: steered()})
}

func (s *Server) createTiny() error {
	for name, o := range map[string]tinygguf.Options{
		TinyLlama:   {Arch: tinygguf.Llama, Seed: 1},
		TinyQwen:    {Arch: tinygguf.Qwen3, Seed: 1},
		Steered:     {Arch: tinygguf.Qwen3, Say: steered()},
		SteeredSlow: {Arch: tinygguf.Qwen3, Say: steered(), Heads: 9, Blocks: 2},
		Unsure: {Arch: tinygguf.Qwen3, Say: []tinygguf.Text{
			{Text: steeredReply, Boost: 20},
			{Text: `"low"medium"high"`, Boost: 40},
		}},
		Looping: {Arch: tinygguf.Qwen3, Say: []tinygguf.Text{
			{Text: steeredReply, Boost: 20},
			{Text: steeredPlan, Boost: 20},
			{Text: `"xx`, Boost: 40},
		}},
	} {
		if err := s.create(name, o); err != nil {
			return err
		}
	}
	return nil
}

// Create makes a tiny model of the test's own.
func (s *Server) Create(t testing.TB, name string, o tinygguf.Options) {
	t.Helper()
	if err := s.create(name, o); err != nil {
		t.Fatal(err)
	}
}

// Endless makes the model that never ends available and returns its name. Its
// blocks are 21 MB, so only the servers that need it have it.
func (s *Server) Endless(t testing.TB) string {
	t.Helper()
	s.Create(t, Endless, tinygguf.Options{Arch: tinygguf.Qwen3, Heads: 9, Blocks: 12, Say: []tinygguf.Text{
		{Text: tinygguf.Start + "abcdefghijklmnopqrstuvwxyza", Boost: 60}}})
	return Endless
}

// SmolLM makes the small real language model available and returns its name.
// Without its file the test is skipped, or fails if REQUIRE names smollm. A
// reply takes seconds, the first one more.
func (s *Server) SmolLM(t testing.TB) string {
	t.Helper()
	path := parts.Need(t, parts.SmolLM)
	s.smol.Do(func() { s.smolErr = s.createSmol(path) })
	if s.smolErr != nil {
		t.Fatal(s.smolErr)
	}
	return SmolLM
}

// createSmol creates SmolLM of its file, which the server need not be sent.
func (s *Server) createSmol(path string) error {
	data, err := os.ReadFile(path) //nolint:gosec // the part
	if err != nil {
		return err
	}
	digest := digestOf(data)
	if err := link(path, filepath.Join(s.models(), "blobs", strings.Replace(digest, ":", "-", 1))); err != nil {
		return err
	}
	return s.createOf(SmolLM, digest)
}

func digestOf(gguf []byte) string {
	sum := sha256.Sum256(gguf)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (s *Server) create(name string, o tinygguf.Options) error {
	var gguf bytes.Buffer
	if err := tinygguf.Write(&gguf, o); err != nil {
		return err
	}
	digest := digestOf(gguf.Bytes())
	if err := s.post("/api/blobs/"+digest, gguf.Bytes()); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	return s.createOf(name, digest)
}

// template is ChatML. Without one Ollama drops the system message.
const template = "{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}<|im_start|>assistant\n"

// createOf creates a model of a blob that the server has.
func (s *Server) createOf(name, digest string) error {
	body, err := json.Marshal(map[string]any{
		"model": name, "files": map[string]string{"model.gguf": digest}, "template": template, "stream": false,
		// With more threads than free cores they wait for each other, spinning.
		"parameters": map[string]any{"stop": []string{"<|im_end|>"}, "num_thread": 1},
	})
	if err != nil {
		return err
	}
	if err := s.post("/api/create", body); err != nil {
		return fmt.Errorf("create %s: %w", name, err)
	}
	return nil
}

func (s *Server) post(path string, body []byte) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, s.URL+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	said, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", resp.Status, said)
	}
	return nil
}

// Copy gives a model a second name; one that has the name already is replaced.
func (s *Server) Copy(t testing.TB, from, to string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"source": from, "destination": to})
	if err == nil {
		err = s.post("/api/copy", body)
	}
	if err != nil {
		t.Fatal(err)
	}
}
