package projection

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"
)

const (
	blockPath = "stats.localModelStats"
	version   = "6.1"
)

var bom = []byte("\xef\xbb\xbf")

// defaults are the keys of schema 6.1 in their order, but for our block.
var defaults = []struct{ path, raw string }{
	{"version", `"` + version + `"`},
	{"lastRunTimestamp", "null"},
	{"lastCycle", "0"},
	{"currentWave", "null"},
	{"stats", "{}"},
	{"stats.totalTicketsCompleted", "0"},
	{"stats.totalTicketsFailed", "0"},
	{"stats.totalTicketsInvestigated", "0"},
	{"stats.totalReviewRounds", "0"},
	{"stats.totalTestsAdded", "0"},
	{"stats.totalCommits", "0"},
	{"stats.totalWavesCompleted", "0"},
	{"stats.avgReviewRoundsPerTicket", "0"},
	{"stats.ticketsByType", "{}"},
	{"stats.totalTokensUsed", "0"},
	{"stats.totalCostUsd", "0"},
	{"stats.agentRoutingStats", "{}"},
	{"stats.agentRoutingStats.frontend", "0"},
	{"stats.agentRoutingStats.backend", "0"},
	{"stats.agentRoutingStats.devops", "0"},
	{"stats.agentRoutingStats.ml-engineer", "0"},
	{"stats.agentRoutingStats.test-engineer", "0"},
	{"stats.agentRoutingStats.general-purpose", "0"},
	{"stats.agentRoutingStats.llmOverrides", "0"},
	{"stats.reviewStats", "{}"},
	{"stats.reviewStats.totalFindings", "0"},
	{"stats.reviewStats.filteredByConfidence", "0"},
	{"stats.reviewStats.avgConfidence", "0"},
	{blockPath, "{}"},
}

// edit returns data with our block and the missing defaults set, and every
// other byte as it was. data is valid, or empty: then the file is new.
func edit(data []byte, s Stats) ([]byte, error) {
	head := []byte(nil)
	if bytes.HasPrefix(data, bom) {
		head, data = bom, data[len(bom):]
	}
	isNew := len(bytes.TrimSpace(data)) == 0
	if isNew {
		data = []byte("{}")
	}
	// sjson drops what follows the closing brace; it is put back.
	body := bytes.TrimRight(data, " \t\r\n")
	tail := data[len(body):]
	d := &document{text: body}
	for _, m := range defaults {
		parent, _ := split(m.path)
		if parent != "" && !d.get(parent).IsObject() {
			continue // somebody keeps something else there
		}
		switch v := d.get(m.path); {
		case !v.Exists():
			d.insert(m.path, m.raw)
		case m.raw == "{}" && v.Type == gjson.Null, m.path == blockPath && !v.IsObject():
			d.set(m.path, m.raw)
		}
	}
	if older(d.get("version")) {
		d.set("version", `"`+version+`"`)
	}
	d.setFigures(s)
	if d.err != nil {
		return nil, fmt.Errorf("edit: %w", d.err)
	}
	out := d.text
	if isNew {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, out, "", "  "); err != nil {
			return nil, err
		}
		out, tail = pretty.Bytes(), []byte("\n")
	}
	out = append(append(append([]byte(nil), head...), out...), tail...)
	if !gjson.ValidBytes(bytes.TrimPrefix(out, bom)) {
		return nil, fmt.Errorf("the edit would not give valid JSON")
	}
	return out, nil
}

// document is a JSON object that is edited. Its members are found once for many
// looks: a big project's tickets are between them.
type document struct {
	text    []byte
	members map[string]gjson.Result // nil = not looked for since the last change
	twice   bool                    // a key is there more than once
	err     error                   // the first
}

// get finds a value.
func (d *document) get(path string) gjson.Result {
	if d.members == nil {
		d.members = map[string]gjson.Result{}
		gjson.ParseBytes(d.text).ForEach(func(k, v gjson.Result) bool {
			_, again := d.members[k.Str]
			d.members[k.Str], d.twice = v, d.twice || again
			return true
		})
	}
	if d.twice { // then it is not the same whether one looks here or there
		return gjson.GetBytes(d.text, path)
	}
	first, rest, nested := strings.Cut(path, ".")
	if !nested {
		return d.members[first]
	}
	return d.members[first].Get(rest)
}

func (d *document) insert(path, raw string) {
	parent, key := split(path)
	d.text, d.members = insert(d.text, parent, key, raw), nil
}

func (d *document) set(path, raw string) {
	text, err := sjson.SetRawBytes(d.text, path, []byte(raw))
	if err != nil {
		d.err = cmp.Or(d.err, err)
		return
	}
	d.text, d.members = text, nil
}

// setFigures sets the keys of our block, which is there.
func (d *document) setFigures(s Stats) {
	failures, err := json.Marshal(s.FailuresByType)
	if err != nil || s.FailuresByType == nil {
		failures = []byte("{}")
	}
	for _, f := range []struct{ key, raw string }{
		{"totalAttempts", strconv.Itoa(s.TotalAttempts)},
		{"successCount", strconv.Itoa(s.SuccessCount)},
		{"escalatedToCloud", strconv.Itoa(s.EscalatedToCloud)},
		{"failuresByType", string(failures)},
		{"avgQualityScore", strconv.FormatFloat(s.AvgQualityScore, 'f', -1, 64)},
	} {
		path := blockPath + "." + f.key
		switch v := d.get(path); {
		case !v.Exists():
			d.insert(path, f.raw)
		case !same(v, f.raw):
			d.set(path, f.raw)
		}
	}
}

// same compares values, so that what says the same is left as it was written.
func same(v gjson.Result, raw string) bool {
	var a, b any
	return json.Unmarshal([]byte(v.Raw), &a) == nil && json.Unmarshal([]byte(raw), &b) == nil && reflect.DeepEqual(a, b)
}

// older reports whether a version is below ours, or none. One that cannot be read
// is left alone: the version only ever goes up.
func older(v gjson.Result) bool {
	if v.Type == gjson.Null || v.Raw == `""` {
		return true
	}
	mine, _ := parseVersion(version)
	theirs, ok := parseVersion(strings.Trim(v.Raw, `"`))
	return ok && (theirs[0] < mine[0] || theirs[0] == mine[0] && theirs[1] < mine[1])
}

func parseVersion(s string) (v [2]int, ok bool) {
	major, minor, _ := strings.Cut(s, ".")
	minor, _, _ = strings.Cut(minor, ".")
	var err error
	if v[0], err = strconv.Atoi(major); err != nil {
		return v, false
	}
	if minor == "" {
		return v, true
	}
	v[1], err = strconv.Atoi(minor)
	return v, err == nil
}
