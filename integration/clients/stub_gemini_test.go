package clients

import (
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// readGemini reads a request to :generateContent or :streamGenerateContent.
func readGemini(body []byte) modelRequest {
	in := gjson.ParseBytes(body)
	a := modelRequest{Texts: texts(in.Get("systemInstruction.parts"))}
	for _, tool := range in.Get("tools.#.functionDeclarations|@flatten").Array() {
		a.Tools = append(a.Tools, tool.Get("name").Str)
	}
	for _, content := range in.Get("contents").Array() {
		parts := content.Get("parts")
		if content.Get("role").Str == "model" {
			if parts.Get("#.functionCall|0").Exists() {
				a.Turns++
				a.Results = nil
			}
			continue
		}
		a.Texts = append(a.Texts, texts(parts)...)
		for _, response := range parts.Get("#.functionResponse.response").Array() {
			r := toolResult{Text: response.Get("output").String()}
			if failed := response.Get("error"); failed.Exists() {
				r = toolResult{Text: failed.String(), IsError: true}
			}
			a.Results = append(a.Results, r)
		}
	}
	return a
}

func writeGemini(w http.ResponseWriter, r *http.Request, _ []byte, a modelTurn) {
	var parts []object
	if a.Text != "" {
		parts = append(parts, object{"text": a.Text})
	}
	for _, c := range a.Calls {
		parts = append(parts, object{"functionCall": object{"id": c.ID, "name": c.Name, "args": c.Arguments}})
	}
	reply := object{
		"candidates":    []object{{"index": 0, "finishReason": "STOP", "content": object{"role": "model", "parts": parts}}},
		"usageMetadata": object{"promptTokenCount": 10, "candidatesTokenCount": 10, "totalTokenCount": 20},
		"responseId":    a.ID,
	}
	if strings.HasSuffix(r.URL.Path, ":generateContent") {
		writeJSON(w, reply)
		return
	}
	newEvents(w, false).send("", reply)
}
