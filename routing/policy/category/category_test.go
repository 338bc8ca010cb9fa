package category

import (
	"strings"
	"testing"
)

func TestGuess_Titles(t *testing.T) {
	for title, want := range map[string]Category{
		"Add login button":                 Feat,
		"Adds a dark mode":                 Feat,
		"Adding CSV export":                Feat,
		"Add an error page":                Feat, // the first word says what is asked for
		"New report":                       Feat,
		"Support for Postgres":             Feat,
		"Let users pick a colour":          Feat,
		"Login button does not work":       Bug,
		"Fix the cart":                     Bug,
		"Fixes rounding":                   Bug,
		"App crashes on start":             Bug,
		"Users can’t log in":               Bug,
		"Address book shows a wrong name":  Bug, // not something to add
		"Newsletter is broken":             Bug, // nothing new
		"Add missing cache header":         Bug,
		"Refactor the parser":              Task,
		"Update dependencies":              Task,
		"Move docs to a new folder":        Task,
		"Fixtures for the parser tests":    Task,
		"Add tests for the parser":         Task,
		"Fix typo in the README":           Task,
		"Fix lint":                         Task,
		"Añadir botón de inicio de sesión": Feat,
		"Añadir pruebas del carrito":       Task,
		"Corregir el fallo al pagar":       Bug,
		"Neue Anmeldung":                   Feat,
		"Absturz beim Speichern":           Bug,
		"Ajouter un bouton de connexion":   Feat,
		"Erreur lors du paiement":          Bug,
		"Adicionar botão de login":         Feat,
		"添加登录按钮":                           Feat,
		"修复登录崩溃":                           Bug,
		"添加单元测试":                           Task,
		"更新文档":                             Task,
		"ログインボタンを追加":                       Feat,
		"ログイン画面のバグ":                        Bug,
		"エラーページを追加":                        Feat, // the verb comes last
		"テストを追加":                           Task,
		"로그인 버튼 추가":                        Feat,
		"결제 오류 수정":                         Bug,
		"로그인이 되지 않음":                       Bug,
		"의존성 업데이트":                         Task,
		"테스트 추가":                           Task,
		"إضافة زر تسجيل الدخول":            Feat,
		"Добавить кнопку входа":            Feat,
	} {
		got, confidence := Guess(title, "")
		if got != want {
			t.Errorf("%q is %s (%.2f), want %s", title, got, confidence, want)
		}
		if confidence < 1.0/3 || confidence > 1 {
			t.Errorf("%q: confidence %v", title, confidence)
		}
	}
}

func TestGuess_Prefixes(t *testing.T) {
	for title, want := range map[string]Category{
		"fix: add retries":                      Bug,
		"Fix(api)!: new error type":             Bug,
		"feat: fix the broken flow":             Feat,
		"feat(ui)!: remove the sidebar":         Feat,
		"docs: fix the crash section":           Task,
		"chore(deps): add support for npm 12":   Task,
		"ci: fix":                               Task,
		"[Bug] Add to cart":                     Bug,
		"[BUG]: Add to cart":                    Bug,
		"[Bug/cart] Add to cart":                Bug,
		"【Bug】添加购物车":                            Bug,
		"[Feature Request] crash report upload": Feat,
		"Feature request: fix on save":          Feat,
		"Bug report: new window":                Bug,
		":sparkles: error boundary":             Feat,
		"🐛 new window":                          Bug,
		"バグ：追加ボタン":                              Bug,
	} {
		got, confidence := Guess(title, "")
		if got != want || confidence != prefixConfidence {
			t.Errorf("%q is %s (%.2f), want %s by its prefix", title, got, confidence, want)
		}
	}
	for _, title := range []string{"Login: button does not work", "[cart] totals", "note: nothing", "fix the cart: totals"} {
		if got, confidence := Guess(title, ""); confidence == prefixConfidence {
			t.Errorf("%q was taken for a title with a prefix: %s", title, got)
		}
	}
}

func TestGuess_Body(t *testing.T) {
	for name, c := range map[string]struct {
		title, body string
		want        Category
	}{
		"prose":            {"Checkout", "The page crashes when the cart is empty.", Bug},
		"a comment":        {"Checkout", "<!-- Please search for a duplicate bug first -->\nAdd a gift card field.", Feat},
		"open comment":     {"Checkout", "Allow gift cards.\n<!-- is it broken?", Feat},
		"headings":         {"Checkout", "### Is this a bug?\n\nWe should support gift cards.", Feat},
		"bold headings":    {"Checkout", "**Describe the bug**\n\nAllow gift cards.", Feat},
		"check boxes":      {"Checkout", "- [x] I searched for errors\n- [ ] This is a bug\n\nAllow gift cards.", Feat},
		"code":             {"Checkout", "```\nthrow new Error('fail')\n```\nAllow gift cards.", Feat},
		"title goes first": {"Add gift cards", "The page crashes.", Feat},
	} {
		t.Run(name, func(t *testing.T) {
			if got, _ := Guess(c.title, c.body); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestGuess_NothingToGoBy(t *testing.T) {
	for _, title := range []string{"", "Zzz", "#12"} {
		if got, confidence := Guess(title, ""); confidence > 0.5 {
			t.Errorf("%q is %s (%.2f), want a low confidence for want of a telling word", title, got, confidence)
		}
	}
}

// A verdict is bounded in time whatever the text is.
func FuzzGuess(f *testing.F) {
	f.Add("fix(a)!: b", "<!-- x")
	f.Add("添加", "- [ ] x\n```")
	f.Add("\xff\xf0[", "**\x00**")
	f.Fuzz(func(t *testing.T, title, body string) {
		got, confidence := Guess(title, body)
		if got != Bug && got != Feat && got != Task {
			t.Errorf("category %q", got)
		}
		if confidence < 1.0/3-1e-9 || confidence > 1 {
			t.Errorf("confidence %v", confidence)
		}
	})
}

func TestWeights_Table(t *testing.T) {
	rows := 0
	for line := range strings.Lines(weightsText) {
		if !strings.HasPrefix(line, "#") {
			rows++
		}
	}
	w := trained()
	if rows != len(w) || rows < 300 || rows > 500 {
		t.Errorf("%d rows, %d read; want 300 to 500", rows, len(w))
	}
	for _, feature := range []string{"bias", "rule:none", "rule:first:BUG", "rule:title:FEAT", "rule:pair:TASK"} {
		if _, ok := w[feature]; !ok {
			t.Errorf("no weight for %s", feature)
		}
	}
	for feature, row := range w {
		for i, v := range row {
			if v < -10 || v > 10 || v != v {
				t.Errorf("%s: weight %d is %v", feature, i, v)
			}
		}
	}
}
