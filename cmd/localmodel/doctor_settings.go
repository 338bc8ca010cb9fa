package main

import (
	"cmp"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/checkup"
)

// resolved lists every setting with where it came from. Keys and passwords are
// never shown.
func (c *config) resolved() []checkup.Setting {
	tiers := make([]string, 0, len(c.fallback))
	for _, t := range c.fallback {
		tiers = append(tiers, string(t))
	}
	cloud, preload := "never", 0
	if c.cloud {
		cloud = "allow"
	}
	if c.preload {
		preload = 1
	}
	list := []checkup.Setting{
		{Name: "OLLAMA_HOST", Value: c.ollama},
		{Name: "LOCALMODEL_MODEL", Value: c.model},
		{Name: "LOCALMODEL_LOCAL", Value: c.local},
		{Name: "LOCALMODEL_NUM_CTX", Value: fmt.Sprint(c.numCtx)},
		{Name: "LOCALMODEL_KEEP_ALIVE", Value: short(c.keepAlive)},
		{Name: "LOCALMODEL_PRELOAD", Value: fmt.Sprint(preload)},
		{Name: "LOCALMODEL_SLOTS", Value: fmt.Sprint(c.slots)},
		{Name: "LOCALMODEL_DEADLINE", Value: short(c.deadline)},
		{Name: "LOCALMODEL_CONNECT_TIMEOUT", Value: short(c.connect)},
		{Name: "LOCALMODEL_LOAD_TIMEOUT", Value: short(c.load)},
		{Name: "LOCALMODEL_FIRST_TOKEN_TIMEOUT", Value: short(c.firstToken)},
		{Name: "LOCALMODEL_TOKEN_TIMEOUT", Value: short(c.token)},
		{Name: "LOCALMODEL_MIN_CONFIDENCE", Value: fmt.Sprintf("%.2f", c.minConfidence)},
		{Name: "LITELLM_BASE_URL", Value: hidePassword(c.proxy)},
		{Name: "LITELLM_MASTER_KEY", Value: map[bool]string{true: "the default one", false: "set"}[c.key == defaultKey]},
		{Name: "LOCALMODEL_FALLBACK", Value: cmp.Or(strings.Join(tiers, ","), "none")},
		{Name: "LOCALMODEL_CLOUD", Value: cloud},
		{Name: "LOCALMODEL_CLOUD_DAILY_USD", Value: fmt.Sprintf("%g", c.dailyUSD)},
		{Name: "LOCALMODEL_GUARD", Value: string(c.guard)},
		{Name: "LOCALMODEL_STATE", Value: shownState(c.state)},
		{Name: "LOCALMODEL_LOG", Value: strings.ToLower(c.log.String())},
	}
	for i, s := range list {
		list[i].From = cmp.Or(c.sources[s.Name], "default")
	}
	return append(list, checkup.Setting{Name: "project root", Value: c.root, From: "CLAUDE_PROJECT_DIR or the working directory"})
}

// short writes 30m0s as 30m.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}

func hidePassword(address string) string {
	if u, err := url.Parse(address); err == nil {
		return u.Redacted()
	}
	return address
}

// shownState is where the journal is, without a password.
func shownState(state string) string {
	if strings.Contains(state, "://") {
		return hidePassword(state)
	}
	return state
}
