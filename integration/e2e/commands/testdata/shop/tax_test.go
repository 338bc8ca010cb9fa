package shop

import "testing"

func TestRate(t *testing.T) {
	for country, want := range map[string]int{"DE": 19, "AT": 20, "FR": 20, "IT": 22} {
		if got, err := Rate(country); got != want || err != nil {
			t.Errorf("%s: %d, %v", country, got, err)
		}
	}
	if got := Table(); len(got) != 4 || got[1] != "DE 19 %" {
		t.Errorf("table: %q", got)
	}
}

func TestGross(t *testing.T) {
	if got := Gross(1000, 19); got != 1190 {
		t.Errorf("got %d", got)
	}
	if net, _ := Split(1190, 19); net != 1000 {
		t.Errorf("back: %d", net)
	}
}
