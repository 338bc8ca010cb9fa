package winpath

import "testing"

func TestForm(t *testing.T) {
	for path, want := range map[string]string{
		`C:\p\t.md`:                     `C:\p\t.md`,
		`c:\p`:                          `C:\p`,
		`c:/p/t.md`:                     `C:\p\t.md`,
		`\\?\C:\p`:                      `C:\p`,
		`\\?\c:\p`:                      `C:\p`,
		`\\.\C:\p`:                      `C:\p`,
		`\??\C:\p`:                      `C:\p`,
		`//?/C:/p`:                      `C:\p`,
		`\\srv\share\p`:                 `\\srv\share\p`,
		`\\?\UNC\srv\share\p`:           `\\srv\share\p`,
		`\\?\unc\srv\share\p`:           `\\srv\share\p`,
		`\\wsl$\Debian\home\u`:          `\\wsl.localhost\Debian\home\u`,
		`\\WSL.LOCALHOST\Debian\home\u`: `\\wsl.localhost\Debian\home\u`,
		`\\?\UNC\wsl$\Debian\home`:      `\\wsl.localhost\Debian\home`,
		`\\?\Volume{b75e2c83-0000}\p`:   `\\?\Volume{b75e2c83-0000}\p`,
		`p\t.md`:                        `p\t.md`,
		`..\t.md`:                       `..\t.md`,
		`C:t.md`:                        `C:t.md`,
		``:                              ``,
		`\\?\`:                          `\\?\`,
	} {
		got := Form(path)
		if got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
		if again := Form(got); again != got {
			t.Errorf("%s: a second time %s, then %s", path, got, again)
		}
	}
}
