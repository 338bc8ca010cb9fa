package projection

import (
	"bytes"
	"encoding/json"
	"fmt"
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
	out := body
	var err error
	set := func(path, raw string) {
		if err == nil {
			out, err = sjson.SetRawBytes(out, path, []byte(raw))
		}
	}
	for _, d := range defaults {
		parent, key := split(d.path)
		if parent != "" && !gjson.GetBytes(out, parent).IsObject() {
			continue // somebody keeps something else there
		}
		switch v := gjson.GetBytes(out, d.path); {
		case !v.Exists():
			out = insert(out, parent, key, d.raw)
		case d.raw == "{}" && v.Type == gjson.Null, d.path == blockPath && !v.IsObject():
			set(d.path, d.raw)
		}
	}
	if older(gjson.GetBytes(out, "version")) {
		set("version", `"`+version+`"`)
	}
	if err == nil {
		out, err = setFigures(out, s)
	}
	if err != nil {
		return nil, fmt.Errorf("edit: %w", err)
	}
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

// setFigures sets the keys of our block, which is there.
func setFigures(out []byte, s Stats) (_ []byte, err error) {
	failures, e := json.Marshal(s.FailuresByType)
	if e != nil || s.FailuresByType == nil {
		failures = []byte("{}")
	}
	for _, f := range []struct{ key, raw string }{
		{"totalAttempts", strconv.Itoa(s.TotalAttempts)},
		{"successCount", strconv.Itoa(s.SuccessCount)},
		{"escalatedToCloud", strconv.Itoa(s.EscalatedToCloud)},
		{"failuresByType", string(failures)},
		{"avgQualityScore", strconv.FormatFloat(s.AvgQualityScore, 'f', -1, 64)},
	} {
		switch v := gjson.GetBytes(out, blockPath+"."+f.key); {
		case !v.Exists():
			out = insert(out, blockPath, f.key, f.raw)
		case !same(v, f.raw):
			if out, err = sjson.SetRawBytes(out, blockPath+"."+f.key, []byte(f.raw)); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// same compares values, not spellings: a block that says the same is left as
// it was written.
func same(v gjson.Result, raw string) bool {
	if !v.Exists() {
		return false
	}
	var a, b any
	if json.Unmarshal([]byte(v.Raw), &a) != nil || json.Unmarshal([]byte(raw), &b) != nil {
		return false
	}
	x, _ := json.Marshal(a) // map keys are sorted
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// older says whether a version is below ours, or none. One that cannot be read
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
