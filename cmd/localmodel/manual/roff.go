package manual

import (
	"cmp"
	"fmt"
	"strings"
)

// Roff is the man page, section 1.
func (m Manual) Roff() string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH LOCALMODEL 1 \"\" \"localmodel %s\" \"User Commands\"\n", escape(m.Version))
	b.WriteString(".SH NAME\nlocalmodel \\- let a free local model take the cheap work on tickets\n")
	b.WriteString(".SH SYNOPSIS\n")
	for _, c := range m.Commands {
		fmt.Fprintf(&b, ".B localmodel %s\n", escape(c.Name))
		if c.Args != "" {
			fmt.Fprintf(&b, "%s\n", escape(c.Args))
		}
		b.WriteString(".br\n")
	}
	b.WriteString(".SH DESCRIPTION\n")
	for _, text := range description {
		fmt.Fprintf(&b, ".PP\n%s\n", escape(text))
	}
	b.WriteString(".SH COMMANDS\n")
	for _, c := range m.Commands {
		fmt.Fprintf(&b, ".SS %s\n", escape(strings.TrimSpace("localmodel "+c.Name+" "+c.Args)))
		if c.Help == "" {
			fmt.Fprintf(&b, "%s\n", escape(sentence(c.Short)))
			continue
		}
		for i, x := range c.blocks() {
			x.roff(&b, i == 0)
		}
	}
	b.WriteString(".SH ENVIRONMENT\nA flag wins over the environment, the environment over config.toml, that over what you trusted of backlog.config.json in the project, that over the default. In config.toml the keys are these names in lower case, without LOCALMODEL_. A bad value never stops the program: doctor names it.\n")
	for _, s := range m.Settings {
		fmt.Fprintf(&b, ".TP\n.B %s\n%s\n(default %s)\n", escape(s.Name), escape(s.Meaning), escape(cmp.Or(s.Default, "none")))
	}
	b.WriteString(".SH FILES\n")
	for _, f := range files {
		fmt.Fprintf(&b, ".TP\n.I %s\n%s\n", escape(f[0]), escape(f[1]))
	}
	b.WriteString(".SH EXIT STATUS\n0 on success, 1 on failure, 2 where the command line is wrong; a command that differs says so above.\n")
	b.WriteString(".SH SEE ALSO\nhttps://github.com/fjbelchi/localmodel\n")
	return b.String()
}

var description = []string{
	"localmodel is an MCP server with four tools, and the commands around it. It lets a local model (Ollama) classify and plan software tickets, falls back to the tiers cheap and balanced of a LiteLLM proxy, then to rules and templates, and always says who answered and why.",
	"Without a command it is the server: it speaks MCP on standard input and output.",
}

var files = [][2]string{
	{"~/.local/state/localmodel/journal.db", "The journal of all projects (on macOS in ~/Library/Application Support, on Windows in %LocalAppData%): every outcome, attempt, model call and cost."},
	{".claude/implementer-state.json", "Its counters for other programs, in stats.localModelStats."},
	{"config.toml", "Your settings: in ~/.config/localmodel, on macOS in ~/Library/Application Support/localmodel, on Windows in %AppData%\\localmodel."},
	{"backlog.config.json", "Settings of the project, as far as you trust them: localmodel trust."},
}

func (x block) roff(b *strings.Builder, first bool) {
	switch {
	case x.flag != nil:
		fmt.Fprintf(b, ".TP\n\\fB\\-\\-%s\\fR", escape(x.flag.Name))
		if x.flag.Value != "" {
			fmt.Fprintf(b, " \\fI%s\\fR", escape(x.flag.Value))
		}
		fmt.Fprintf(b, "\n%s\n", escape(sentence(x.flag.Text)))
	case x.verbatim != nil:
		b.WriteString(".PP\n.nf\n")
		for _, line := range x.verbatim {
			b.WriteString(escape(line) + "\n")
		}
		b.WriteString(".fi\n")
	case first && strings.HasPrefix(x.text, "Usage: "): // the heading says it
	default:
		fmt.Fprintf(b, ".PP\n%s\n", escape(x.text))
	}
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}

// escape keeps roff from reading a text as its own: backslashes, dashes that
// are to be copied, and lines that begin with a control character.
func escape(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	if strings.HasPrefix(text, ".") || strings.HasPrefix(text, "'") {
		text = `\&` + text
	}
	return text
}
