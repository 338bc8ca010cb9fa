// Package openai asks chat completions over HTTP, with profiles for LiteLLM and
// for plain servers.
package openai

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing"
	"github.com/fjbelchi/localmodel/routing/judge"
	"github.com/fjbelchi/localmodel/routing/policy"
)

// profile is what differs between servers that speak chat completions.
type profile interface {
	// body adds what this kind of server takes beside the common fields.
	body(b *chatBody, q routing.Question)
	// refused describes an answer that is not 200.
	refused(r response) *routing.Error
	// cost sets what an answer of any status cost; sent says that the server had
	// the request.
	cost(r response, reply *routing.Reply, sent bool)
	// check refuses a whole reply for what only this kind of server shows.
	check(r response, reply *routing.Reply) *routing.Error
	// cutPrompt refuses an answer to a prompt that was shortened on the way.
	cutPrompt(ctx context.Context, q routing.Question, in int) *routing.Error
}

type chatBody struct {
	Model          string          `json:"model"`
	Messages       []chatMessage   `json:"messages"`
	MaxTokens      int             `json:"max_tokens"`
	Temperature    float64         `json:"temperature"`
	TopP           float64         `json:"top_p,omitempty"`
	Seed           int             `json:"seed,omitempty"`
	ResponseFormat *responseFormat `json:"response_format,omitempty"`
	Logprobs       bool            `json:"logprobs,omitempty"`
	TopLogprobs    int             `json:"top_logprobs,omitempty"`
	*litellmBody
}

type chatMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type responseFormat struct {
	Type   string `json:"type"`
	Schema struct {
		Name   string          `json:"name"`
		Strict bool            `json:"strict"`
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// Extras are what a provider may refuse with 400 although the question is fine:
// first the token probabilities are left out, then the reply schema. At 0 the
// question has them all.
const (
	withoutProbs = iota + 1
	withoutSchema
)

// ask asks a model. A provider that refuses the request for what it carries
// beside the question is asked again without: the acceptance check still
// decides. What was refused is remembered for the model.
func (c *client) ask(
	ctx context.Context, p profile, model string, q routing.Question,
) (routing.Reply, *routing.Error) {
	c.mu.Lock()
	level := c.plain[model]
	c.mu.Unlock()
	spent := 0.0
	for {
		reply, status, fault := c.once(ctx, p, model, q, level)
		if spent > 0 && reply.Cost != routing.CostUnknown { // of a request that was refused
			reply.CostUSD += spent
			reply.Cost = max(reply.Cost, routing.CostEstimated)
		}
		next := level
		if fault != nil && mayBeFormat(status, fault) && ctx.Err() == nil {
			next = lessExtras(p, model, q, level)
		}
		if next == level {
			c.mu.Lock()
			if fault == nil || status == http.StatusOK {
				c.plain[model] = level
			}
			c.mu.Unlock()
			return reply, fault
		}
		spent, level = reply.CostUSD, next
	}
}

// lessExtras is the next level that sends something else; the same level = none.
// A profile may leave extras out itself, and the same request again would be
// refused again.
func lessExtras(p profile, model string, q routing.Question, level int) int {
	refused, _ := json.Marshal(bodyOf(p, model, q, level)) // once has marshalled it
	for next := level + 1; next <= withoutSchema; next++ {
		body, err := json.Marshal(bodyOf(p, model, q, next))
		if err == nil && !bytes.Equal(body, refused) {
			return next
		}
	}
	return level
}

// mayBeFormat reports whether a refusal may be of an extra: the request is bad,
// and no code of the server says why.
func mayBeFormat(status int, fault *routing.Error) bool {
	return (status == http.StatusBadRequest || status == http.StatusUnprocessableEntity) &&
		fault.Kind == routing.Unavailable
}

// once makes one request. status is 0 where there was no answer.
func (c *client) once(
	ctx context.Context, p profile, model string, q routing.Question, level int,
) (reply routing.Reply, status int, fault *routing.Error) {
	body, err := json.Marshal(bodyOf(p, model, q, level))
	if err != nil {
		fault := routing.Fail(routing.InvalidOutput, "the request cannot be written", err)
		return routing.Reply{Cost: routing.CostNone}, 0, fault
	}
	defer q.Narrate(func() (string, int) { return "waiting for " + model, 0 })()
	r, sent, fault := c.do(ctx, http.MethodPost, "/v1/chat/completions", body)
	reply.Model = model
	if fault == nil && r.status == http.StatusOK {
		fault = c.read(ctx, p, q, r, &reply)
	} else if fault == nil {
		fault = p.refused(r)
	}
	p.cost(r, &reply, sent)
	return reply, r.status, fault
}

func bodyOf(p profile, model string, q routing.Question, level int) chatBody {
	b := chatBody{Model: model, MaxTokens: q.MaxTokens, Temperature: q.Heat(), TopP: q.TopP()}
	if b.TopP > 0 {
		b.Seed = q.Seed()
	}
	for _, m := range q.Messages {
		b.Messages = append(b.Messages, chatMessage(m))
	}
	if q.Schema != nil && level < withoutSchema {
		b.ResponseFormat = &responseFormat{Type: "json_schema"}
		b.ResponseFormat.Schema.Name, b.ResponseFormat.Schema.Strict = q.Purpose, true
		b.ResponseFormat.Schema.Schema = q.Schema
	}
	if n := len(b.Messages); q.Schema != nil && level == withoutSchema && n > 0 {
		b.Messages[n-1].Content += "\n\nAnswer with one JSON object and nothing else. " +
			"It must fit this JSON Schema:\n" + string(q.Schema)
	}
	if len(q.ConfidenceFields) > 0 && level < withoutProbs {
		b.Logprobs, b.TopLogprobs = true, judge.MaxTop
	}
	p.body(&b, q)
	return b
}

// tokens is a count that a server states; 0 = none, or none that can be true.
func tokens(v gjson.Result) int {
	if v.Type != gjson.Number {
		return 0
	}
	return judge.Tokens(v.Num)
}

// read takes a 200 apart: it counts only with a choice that stopped by itself,
// to a prompt that was read whole.
func (c *client) read(
	ctx context.Context, p profile, q routing.Question, r response, reply *routing.Reply,
) *routing.Error {
	if !judge.IsJSON(r.data) {
		return routing.Fail(routing.Unavailable, c.what+" sent something that is not JSON", nil)
	}
	doc := gjson.ParseBytes(r.data)
	choice := doc.Get("choices.0")
	reply.Text = []byte(content(choice.Get("message.content")))
	reply.Thinking = []byte(cmp.Or(choice.Get("message.reasoning_content").Str, choice.Get("message.reasoning").Str))
	reply.Model = cmp.Or(doc.Get("model").Str, reply.Model)
	reply.In, reply.Out = tokens(doc.Get("usage.prompt_tokens")), tokens(doc.Get("usage.completion_tokens"))
	reply.Probs = probsOf(choice.Get("logprobs.content"), reply.Text)
	if fault := p.check(r, reply); fault != nil {
		return fault
	}
	switch finish := choice.Get("finish_reason").String(); {
	case !choice.Exists():
		return routing.Fail(routing.InvalidOutput, c.what+"'s answer has no choices", nil)
	case finish == "length":
		return routing.Fail(routing.InvalidOutput, fmt.Sprintf("the answer was cut at %d tokens", reply.Out), nil)
	case finish != "stop":
		return routing.Fail(routing.InvalidOutput, "the answer ended with "+policy.Shorten(finish, 40), nil)
	}
	return p.cutPrompt(ctx, q, reply.In)
}

// leastCut is the smallest window, in tokens, that a server is started with
// unless somebody wants it smaller: a prompt of fewer words is not cut.
const leastCut = 1500

// cutPrompt recognises a prompt that a server shortened without saying so: it
// filled the window to the brim, or has fewer tokens than words. in is the
// server's count, 0 = not reported; window is the server's, 0 = not reported.
func cutPrompt(q routing.Question, in, window int) *routing.Error {
	words := 0
	for _, m := range q.Messages {
		words += len(strings.Fields(m.Content))
	}
	reason := ""
	switch mayOverflow := words >= leastCut || window > 0 && words > window/2; {
	case in == 0:
	case window > 0 && in >= window-1:
		reason = fmt.Sprintf("the server cut the prompt to its context window of %d tokens", window)
	case mayOverflow && in < words*9/10:
		reason = fmt.Sprintf("the server cut the prompt: it read %d tokens of at least %d", in, words)
	}
	if reason == "" {
		return nil
	}
	return &routing.Error{Kind: routing.ContextOverflow, Reason: reason, Fix: fixWindow}
}

const fixWindow = "start the server with a larger context window, or set LOCALMODEL_NUM_CTX to the one it has"

// content is a message's text: a string, or a list of parts.
func content(v gjson.Result) string {
	if !v.IsArray() {
		return v.Str
	}
	var b strings.Builder
	v.ForEach(func(_, part gjson.Result) bool { // a list of its own would take thirty times the text
		b.WriteString(part.Get("text").Str)
		return true
	})
	return b.String()
}

// probsOf are the probabilities of the tokens that spell text. A server may
// have taken a code fence or white space off before and after it; where its
// tokens do not spell the rest, or are too many, there are none.
func probsOf(list gjson.Result, text []byte) []judge.TokenProb {
	var all []judge.TokenProb
	var spelled strings.Builder
	list.ForEach(func(_, t gjson.Result) bool {
		p := judge.TokenProb{Token: t.Get("token").Str, Logprob: t.Get("logprob").Num}
		t.Get("top_logprobs").ForEach(func(_, alt gjson.Result) bool {
			p.Top = append(p.Top, judge.TokenProb{Token: alt.Get("token").Str, Logprob: alt.Get("logprob").Num})
			return len(p.Top) < judge.MaxTop
		})
		all = append(all, p)
		spelled.WriteString(p.Token)
		return len(all) < judge.MaxTokens
	})
	begin := strings.Index(spelled.String(), string(text))
	if begin < 0 || len(text) == 0 {
		return nil
	}
	first, last, at := -1, -1, 0
	for i, p := range all {
		if at == begin {
			first = i
		}
		if at += len(p.Token); at == begin+len(text) && first >= 0 && last < 0 {
			last = i + 1
		}
	}
	if first < 0 || last < 0 {
		return nil
	}
	return all[first:last]
}
