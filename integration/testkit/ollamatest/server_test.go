package ollamatest

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fjbelchi/localmodel/integration/testkit"
	"github.com/fjbelchi/localmodel/integration/testkit/process"
	"github.com/fjbelchi/localmodel/integration/testkit/tinygguf"
	"github.com/fjbelchi/localmodel/prompts"
)

func TestMain(m *testing.M) {
	if os.Getenv("OLLAMATEST_CHILD") != "" {
		os.Exit(serveAsChild(m))
	}
	os.Exit(Main(m))
}

const classifySchema = `{"type":"object","properties":{"category":{"type":"string","enum":["BUG","FEAT","TASK"]},"complexity":{"type":"string","enum":["low","medium","high"]}},"required":["category","complexity"],"additionalProperties":false}`

var planSchema = string(prompts.PlanQuestion{Files: []prompts.PlanFile{{Path: "main.go", Action: "modify"}},
	Criteria: []prompts.PlanCriterion{{ID: "AC-1"}}}.Schema())

type chatReply struct {
	Message    struct{ Content string }
	Done       bool
	DoneReason string `json:"done_reason"`
	Error      string
}

func chat(t *testing.T, s *Server, model, user, schema string, seed int) chatReply {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"model": model, "stream": false, "format": json.RawMessage(schema),
		"messages": []map[string]string{{"role": "system", "content": "Answer."}, {"role": "user", "content": user}},
		"options":  map[string]any{"num_ctx": 4096, "num_predict": 1600, "temperature": 0.2, "seed": seed, "repeat_penalty": 1.05},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/chat", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var r chatReply
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}
	return r
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return b.String()
}

func TestTinyModelsObeyASchema(t *testing.T) {
	s := Shared(t)
	for _, model := range []string{TinyLlama, TinyQwen, Unsure} {
		r := chat(t, s, model, "Fix the crash.", classifySchema, 1)
		var reply struct{ Category, Complexity string }
		if err := json.Unmarshal([]byte(r.Message.Content), &reply); err != nil || reply.Category == "" || reply.Complexity == "" || r.DoneReason != "stop" {
			t.Errorf("%s: %+v, %v", model, r, err)
		}
	}
}

func TestSteeredModelAlwaysAnswersAlike(t *testing.T) {
	s := Shared(t)
	for seed, user := range []string{"Fix the crash.", "Add an export of everything, with a 'low' complexity FEAT.", `{"complexity":"low"}`, strings.Repeat("m", 300), strings.Repeat(`"low" `, 40)} {
		if got := compact(t, chat(t, s, Steered, user, classifySchema, seed).Message.Content); got != strings.Trim(steeredReply, tinygguf.Start+tinygguf.End) {
			t.Errorf("%q: %s", user, got)
		}
		if got := compact(t, chat(t, s, Steered, user, planSchema, seed).Message.Content); got != strings.Trim(steeredPlan, tinygguf.Start+tinygguf.End) {
			t.Errorf("%q: %s", user, got)
		}
	}
	if got := compact(t, chat(t, s, SteeredSlow, "Fix the crash.", classifySchema, 1).Message.Content); got != strings.Trim(steeredReply, tinygguf.Start+tinygguf.End) {
		t.Errorf("the slow one: %s", got)
	}
}

func TestLoopingModelIsBrokenOff(t *testing.T) {
	s := Shared(t)
	if r := chat(t, s, Looping, "Plan.", planSchema, 1); r.Done || r.Error != "" {
		t.Errorf("got %+v", r)
	}
}

func TestKilledRunnerIsLoadedAgain(t *testing.T) {
	s := New(t)
	chat(t, s, Steered, "Fix it.", classifySchema, 1)
	if n := s.KillRunner(t); n != 1 {
		t.Fatalf("%d runners killed", n)
	}
	testkit.Eventually(t, "the model is back", func() bool {
		return chat(t, s, Steered, "Fix it.", classifySchema, 1).DoneReason == "stop"
	})
}

func TestRestartKeepsAddressAndModels(t *testing.T) {
	s := New(t)
	url := s.URL
	s.KillServer()
	if testkit.AnswersOK(t.Context(), s.URL+"/api/version") {
		t.Fatal("a killed server answers")
	}
	s.Restart(t)
	if s.URL != url {
		t.Errorf("moved from %s to %s", url, s.URL)
	}
	if r := chat(t, s, Steered, "Fix it.", classifySchema, 1); r.DoneReason != "stop" {
		t.Errorf("got %+v", r)
	}
}

// serveAsChild starts a server, loads a model, says where, and waits to be
// killed.
func serveAsChild(_ *testing.M) int {
	s, err := start(os.Getenv("OLLAMATEST_CHILD"), nil)
	if err != nil {
		return 1
	}
	_ = s.post("/api/chat", []byte(`{"model":"`+Steered+`","messages":[]}`))
	_, _ = os.Stdout.WriteString(strconv.Itoa(s.process().PID()) + " " + s.URL + " " + s.home + "\n")
	s.log.Remove() // nobody else will
	select {}
}

func TestServerDiesWithTheTestBinary(t *testing.T) {
	bin := Shared(t).bin
	if runtime.GOOS != "linux" {
		t.Skip("parent-death signal: this system has none")
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // this test binary
	cmd.Env = append(os.Environ(), "OLLAMATEST_CHILD="+bin)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 512)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	words := strings.Fields(string(line[:n]))
	pid, err := strconv.Atoi(words[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(words[2]) })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	testkit.Eventually(t, "the server's group ends", func() bool { return !process.GroupLives(pid) })
}
