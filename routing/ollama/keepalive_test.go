package ollama

import (
	"testing"
	"time"
)

func TestChatRequest_KeepAlive(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  Config
		want string // as JSON; "" = not sent
		kept time.Duration
	}{
		"a duration":     {Config{KeepAlive: 30 * time.Minute}, `"30m0s"`, trustLoaded},
		"none":           {Config{KeepAlive: 0}, `"0s"`, 0},
		"for good":       {Config{KeepAlive: -time.Second}, "-1", trustLoaded},
		"the server's":   {Config{ServerKeepAlive: true}, "", trustLoaded},
		"a short moment": {Config{KeepAlive: time.Second}, `"1s"`, time.Second},
	} {
		o := New(c.cfg)
		got := ""
		if k := o.chatRequest(nil).KeepAlive; k != nil {
			data, err := k.MarshalJSON()
			if err != nil {
				t.Fatal(err)
			}
			got = string(data)
		}
		before := time.Now()
		o.sawLoaded()
		if kept := o.loadedUntil.Load().Sub(before); got != c.want || kept < c.kept || kept > c.kept+time.Minute {
			t.Errorf("%s: sent %s, taken to stay for %s; want %s, %s", name, got, kept, c.want, c.kept)
		}
	}
}
