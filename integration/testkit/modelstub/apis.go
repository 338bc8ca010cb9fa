package modelstub

import "net/http"

// api is one wire format.
type api struct {
	path  string // how the request's path ends
	read  func(body []byte) Asked
	write func(w http.ResponseWriter, r *http.Request, body []byte, a Answer)
}

// apis lists them; the first whose path fits is taken.
var apis = []api{
	{"/messages", readAnthropic, writeAnthropic},
	{"/responses", readResponses, writeResponses},
	{":streamGenerateContent", readGemini, writeGemini},
	{":generateContent", readGemini, writeGemini},
}
