package clients

import (
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// namespaceMark separates a namespace of tools and a tool's name in modelRequest.
const namespaceMark = "/"

// readResponses reads a request to OpenAI's /responses. Each call of the model
// is an item of its own, so calls made in one turn would count as several turns.
func readResponses(body []byte) modelRequest {
	in := gjson.ParseBytes(body)
	a := modelRequest{Texts: []string{in.Get("instructions").Str}}
	for _, tool := range in.Get("tools").Array() {
		name := tool.Get("name").Str
		if tool.Get("type").Str != "namespace" {
			a.Tools = append(a.Tools, name)
			continue
		}
		for _, inner := range tool.Get("tools.#.name").Array() {
			a.Tools = append(a.Tools, name+namespaceMark+inner.Str)
		}
	}
	for _, item := range in.Get("input").Array() {
		switch item.Get("type").Str {
		case "message", "":
			a.Texts = append(a.Texts, texts(item.Get("content"))...)
		case "function_call":
			a.Turns++
			a.Results = nil
		case "function_call_output":
			a.Results = append(a.Results, toolResult{Text: joined(item.Get("output"))})
		}
	}
	return a
}

func writeResponses(w http.ResponseWriter, _ *http.Request, _ []byte, a modelTurn) {
	var items []object
	if a.Text != "" {
		items = append(items, object{"type": "message", "id": "msg_" + a.ID, "role": "assistant", "status": "completed",
			"content": []object{{"type": "output_text", "text": a.Text, "annotations": []object{}}}})
	}
	for _, c := range a.Calls {
		item := object{"type": "function_call", "id": "fc_" + c.ID, "call_id": c.ID, "name": c.Name,
			"arguments": string(c.Arguments), "status": "completed"}
		if namespace, name, ok := strings.Cut(c.Name, namespaceMark); ok {
			item["namespace"], item["name"] = namespace, name
		}
		items = append(items, item)
	}
	response := object{"id": "resp_" + a.ID, "object": "response", "status": "in_progress", "output": []object{}}
	out := newEvents(w, true)
	out.send("response.created", object{"response": response})
	for i, item := range items {
		out.send("response.output_item.added", object{"output_index": i, "item": item})
		out.send("response.output_item.done", object{"output_index": i, "item": item})
	}
	response["status"], response["output"] = "completed", items
	response["usage"] = object{"input_tokens": 10, "output_tokens": 10, "total_tokens": 20,
		"input_tokens_details": object{"cached_tokens": 0}, "output_tokens_details": object{"reasoning_tokens": 0}}
	out.send("response.completed", object{"response": response})
}
