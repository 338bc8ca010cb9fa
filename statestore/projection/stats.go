package projection

import (
	"bytes"
	"maps"
	"math"

	"github.com/tidwall/gjson"

	"github.com/fjbelchi/localmodel/routing/policy"
)

// Stats is the block. The keys of FailuresByType are gates.
type Stats struct {
	TotalAttempts    int            `json:"totalAttempts"`
	SuccessCount     int            `json:"successCount"`
	EscalatedToCloud int            `json:"escalatedToCloud"`
	FailuresByType   map[string]int `json:"failuresByType"`
	AvgQualityScore  float64        `json:"avgQualityScore"`
}

// maxCount bounds a counter that a file states.
const maxCount = 1_000_000_000

// parse reads a file's block as far as it can be true: counters are not negative,
// keys of failures are gates, a score lies between 0 and 100.
func parse(data []byte) (s Stats, found bool) {
	block := gjson.GetBytes(bytes.TrimPrefix(data, bom), blockPath)
	if !block.IsObject() {
		return s, false
	}
	s.TotalAttempts, s.SuccessCount = count(block.Get("totalAttempts")), count(block.Get("successCount"))
	s.EscalatedToCloud = count(block.Get("escalatedToCloud"))
	if q := block.Get("avgQualityScore").Float(); q >= 0 && q <= 100 { // NaN is neither
		s.AvgQualityScore = q
	}
	s.FailuresByType = map[string]int{}
	block.Get("failuresByType").ForEach(func(k, v gjson.Result) bool {
		if policy.Gate(k.Str).Valid() {
			s.FailuresByType[k.Str] = count(v)
		}
		return true
	})
	return s, true
}

func count(v gjson.Result) int {
	n := v.Float()
	if math.IsNaN(n) || n < 0 {
		return 0
	}
	return int(min(n, maxCount))
}

func equal(a, b Stats) bool {
	return a.TotalAttempts == b.TotalAttempts && a.SuccessCount == b.SuccessCount && a.EscalatedToCloud == b.EscalatedToCloud &&
		a.AvgQualityScore == b.AvgQualityScore && maps.Equal(a.FailuresByType, b.FailuresByType)
}
