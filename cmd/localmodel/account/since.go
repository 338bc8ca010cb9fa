package account

import (
	"errors"
	"slices"
	"strconv"
	"time"
)

// Since is a flag for a point in time: a day (2026-11-24), or how long ago
// (30d, 2w, 12h). The zero value is the beginning.
type Since struct {
	Now func() time.Time
	At  time.Time
}

func (s *Since) String() string {
	if s == nil || s.At.IsZero() {
		return ""
	}
	return s.At.Format(time.DateOnly)
}

// Type is what the help calls the value.
func (*Since) Type() string { return "TIME" }

// Set reads the flag's value.
func (s *Since) Set(text string) error {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.UTC); err == nil {
		s.At = day
		return nil
	}
	hours := map[byte]float64{'h': 1, 'd': 24, 'w': 7 * 24}
	if n := len(text) - 1; n > 0 && slices.Contains([]byte("hdw"), text[n]) {
		if count, err := strconv.ParseFloat(text[:n], 64); err == nil && count >= 0 && count < 1e5 {
			s.At = s.Now().Add(-time.Duration(count * hours[text[n]] * float64(time.Hour)))
			return nil
		}
	}
	return errors.New("give a day such as 2026-11-24, or how long ago: 12h, 30d, 2w")
}
