package shop

import (
	"testing"
	"time"
)

func day(text string) time.Time {
	t, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return t
}

func TestParse(t *testing.T) {
	for _, bad := range []string{"2026-02-29", "2026-13-01", "2026-00-01", "2026-04-31", "today"} {
		if got, err := Parse(bad); err == nil {
			t.Errorf("%s is %v", bad, got)
		}
	}
	if got := Week(day("2026-01-09")); got != 2 {
		t.Errorf("week %d", got)
	}
}

func TestRange(t *testing.T) {
	days := Range(day("2026-05-01"), day("2026-05-04"))
	if len(days) != 4 || days[0].Weekend || !days[1].Weekend || Delivers(days[0].Date) {
		t.Errorf("got %v", days)
	}
}

func TestZone(t *testing.T) {
	zone, err := Zone("UTC")
	if err != nil {
		t.Fatal(err)
	}
	if got := Format("fr", time.Date(2026, 11, 26, 9, 0, 0, 0, zone)); got != "2026-11-26T09:00:00Z" {
		t.Error(got)
	}
}
