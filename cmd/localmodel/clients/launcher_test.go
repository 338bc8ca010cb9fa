package clients

import (
	"strings"
	"testing"
)

func TestLauncher(t *testing.T) {
	for _, c := range []struct{ path, system, want string }{
		{"/home/u/.npm/_npx/1a2b/node_modules/@fjbelchi/localmodel-linux-x64/bin/localmodel", "linux", "npx -y @fjbelchi/localmodel"},
		{`C:\Users\u\npm-cache\_npx\1a2b\node_modules\x\localmodel.exe`, "windows", "cmd /c npx -y @fjbelchi/localmodel"},
		{"/home/u/.cache/uv/archive-v0/abc/bin/localmodel", "linux", "uvx localmodel"},
		{"/usr/local/bin/localmodel", "linux", ""},
		{"/usr/lib/node_modules/@fjbelchi/localmodel/x/localmodel", "linux", ""},
	} {
		if got := strings.Join(launcher(c.path, c.system), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", c.path, got, c.want)
		}
	}
}
