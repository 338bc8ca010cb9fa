package clients

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tidwall/gjson"
)

// readAnthropic reads a request to /v1/messages.
func readAnthropic(body []byte) modelRequest {
	in := gjson.ParseBytes(body)
	a := modelRequest{Model: in.Get("model").Str, Texts: texts(in.Get("system"))}
	for _, tool := range in.Get("tools").Array() {
		a.Tools = append(a.Tools, tool.Get("name").Str)
	}
	for _, message := range in.Get("messages").Array() {
		content := message.Get("content")
		if message.Get("role").Str == "assistant" {
			if content.Get(`#(type=="tool_use")`).Exists() {
				a.Turns++
				a.Results = nil
			}
			continue
		}
		a.Texts = append(a.Texts, texts(content)...)
		for _, block := range content.Array() {
			if block.Get("type").Str == "tool_result" {
				a.Results = append(a.Results, toolResult{Text: joined(block.Get("content")), IsError: block.Get("is_error").Bool()})
			}
		}
	}
	return a
}

// texts lists the texts of a content, which is one string or blocks.
func texts(content gjson.Result) []string {
	if content.Type == gjson.String {
		return []string{content.Str}
	}
	var out []string
	for _, block := range content.Array() {
		if text := block.Get("text"); text.Exists() {
			out = append(out, text.Str)
		}
	}
	return out
}

// joined is a content as one text; of what has none it is the JSON.
func joined(content gjson.Result) string {
	var out string
	for _, text := range texts(content) {
		out += text
	}
	if out == "" {
		return content.Raw
	}
	return out
}

type object = map[string]any

// events writes server-sent events, each named by its type where named is set.
type events struct {
	w     http.ResponseWriter
	named bool
}

func newEvents(w http.ResponseWriter, named bool) events {
	w.Header().Set("Content-Type", "text/event-stream")
	return events{w, named}
}

func (e events) send(kind string, data object) {
	if kind != "" {
		data["type"] = kind
	}
	raw, _ := json.Marshal(data) // maps of strings: never an error
	if e.named {
		fmt.Fprintf(e.w, "event: %s\n", kind)
	}
	fmt.Fprintf(e.w, "data: %s\n\n", raw)
	if f, ok := e.w.(http.Flusher); ok {
		f.Flush()
	}
}

func writeAnthropic(w http.ResponseWriter, r *http.Request, body []byte, a modelTurn) {
	var content []object
	stop := "end_turn"
	if a.Text != "" {
		content = append(content, object{"type": "text", "text": a.Text})
	}
	for _, c := range a.Calls {
		stop = "tool_use"
		content = append(content, object{"type": "tool_use", "id": c.ID, "name": c.Name, "input": c.Arguments})
	}
	usage := object{"input_tokens": 10, "output_tokens": 10}
	message := object{"id": "msg_" + a.ID, "type": "message", "role": "assistant", "model": gjson.GetBytes(body, "model").Str,
		"content": content, "stop_reason": stop, "stop_sequence": nil, "usage": usage}
	if !gjson.GetBytes(body, "stream").Bool() {
		writeJSON(w, message)
		return
	}
	out := newEvents(w, true)
	message["content"], message["stop_reason"] = []object{}, nil
	out.send("message_start", object{"message": message})
	for i, block := range content {
		start, delta := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": block["text"]}
		if block["type"] == "tool_use" {
			start = object{"type": "tool_use", "id": block["id"], "name": block["name"], "input": object{}}
			delta = object{"type": "input_json_delta", "partial_json": string(block["input"].(json.RawMessage))}
		}
		out.send("content_block_start", object{"index": i, "content_block": start})
		out.send("content_block_delta", object{"index": i, "delta": delta})
		out.send("content_block_stop", object{"index": i})
	}
	out.send("message_delta", object{"delta": object{"stop_reason": stop, "stop_sequence": nil}, "usage": usage})
	out.send("message_stop", object{})
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // a client that has gone
}
