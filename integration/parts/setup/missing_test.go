package main

import (
	"slices"
	"testing"

	"github.com/fjbelchi/localmodel/integration/parts"
)

// What no test runs against is made only where it is named.
func TestPartsOnDemand(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir()) // nothing has been made
	t.Setenv("HOME", t.TempDir())
	t.Setenv("LocalAppData", t.TempDir())
	for _, p := range parts.All() {
		t.Setenv(p.Env, "")
	}
	for _, c := range []struct {
		require string
		names   []string
		want    bool
	}{{"", nil, false}, {parts.LiteLLM, nil, false}, {parts.LiteLLM + "," + parts.GoReleaser, nil, true}, {"", []string{parts.GoReleaser}, true}, {parts.GoReleaser, []string{parts.LiteLLM}, false}} {
		t.Setenv("REQUIRE", c.require)
		missing, err := missingOf(c.names)
		if err != nil {
			t.Fatal(err)
		}
		has := func(name string) bool {
			return slices.ContainsFunc(missing, func(p parts.Part) bool { return p.Name == name })
		}
		if got := has(parts.GoReleaser); got != c.want {
			t.Errorf("REQUIRE=%q, setup %v: to be made %v", c.require, c.names, got)
		}
		if len(c.names) == 0 && !has(parts.LiteLLM) {
			t.Errorf("REQUIRE=%q: LiteLLM, which tests run against, is not to be made", c.require)
		}
	}
}
