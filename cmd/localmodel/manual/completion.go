package manual

import (
	"fmt"
	"strings"
)

// Shells are those that Completion knows.
var Shells = []string{"bash", "fish", "powershell", "zsh"}

// Completion is the script that completes localmodel's command line in a shell.
func (m Manual) Completion(shell string) (string, error) {
	switch shell {
	case "bash":
		return m.bash(), nil
	case "fish":
		return m.fish(), nil
	case "powershell":
		return m.powershell(), nil
	case "zsh":
		return m.zsh(), nil
	}
	return "", fmt.Errorf("no completion for %q; there is one for %s", shell, strings.Join(Shells, ", "))
}

func (m Manual) names() string {
	var names []string
	for _, c := range m.Commands {
		names = append(names, c.Name)
	}
	return strings.Join(names, " ")
}

// follow is what may follow a command: its words and its flags.
func (m Manual) follow(c Command) string {
	out := append([]string{}, m.Words[c.Name]...)
	for _, f := range c.Flags() {
		out = append(out, "--"+f.Name)
	}
	return strings.Join(out, " ")
}

func (m Manual) bash() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for localmodel: source <(localmodel completion bash)
_localmodel() {
  local word=${COMP_WORDS[COMP_CWORD]} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='%s'
  else
    case ${COMP_WORDS[1]} in
`, m.names())
	for _, c := range m.Commands {
		if words := m.follow(c); words != "" {
			fmt.Fprintf(&b, "      %s) words='%s' ;;\n", c.Name, words)
		}
	}
	b.WriteString(`    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _localmodel localmodel
`)
	return b.String()
}

func (m Manual) zsh() string {
	var b strings.Builder
	b.WriteString("#compdef localmodel\n# zsh completion for localmodel: source <(localmodel completion zsh)\n_localmodel() {\n  local -a commands\n  commands=(\n")
	for _, c := range m.Commands {
		fmt.Fprintf(&b, "    %s\n", shellQuote(c.Name+":"+strings.ReplaceAll(c.Short, ":", `\:`)))
	}
	b.WriteString("  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n  case $words[2] in\n")
	for _, c := range m.Commands {
		if words := m.follow(c); words != "" {
			fmt.Fprintf(&b, "    %s) compadd -- %s ;;\n", c.Name, words)
		}
	}
	b.WriteString("  esac\n  _files\n}\nif [ \"$funcstack[1]\" = _localmodel ]; then\n  _localmodel\nelse\n  compdef _localmodel localmodel\nfi\n")
	return b.String()
}

func (m Manual) fish() string {
	var b strings.Builder
	b.WriteString("# fish completion for localmodel: localmodel completion fish | source\n")
	for _, c := range m.Commands {
		fmt.Fprintf(&b, "complete -c localmodel -f -n __fish_use_subcommand -a %s -d %s\n", c.Name, shellQuote(c.Short))
	}
	for _, c := range m.Commands {
		seen := "'__fish_seen_subcommand_from " + c.Name + "'"
		if words := m.Words[c.Name]; len(words) > 0 {
			fmt.Fprintf(&b, "complete -c localmodel -f -n %s -a '%s'\n", seen, strings.Join(words, " "))
		}
		for _, f := range c.Flags() {
			value := ""
			if f.Value != "" {
				value = " -r"
			}
			fmt.Fprintf(&b, "complete -c localmodel -n %s -l %s%s -d %s\n", seen, f.Name, value, shellQuote(f.Text))
		}
	}
	return b.String()
}

func (m Manual) powershell() string {
	var b strings.Builder
	fmt.Fprintf(&b, `# PowerShell completion for localmodel: localmodel completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName localmodel -ScriptBlock {
  param($word, $ast, $cursor)
  $typed = @($ast.CommandElements | ForEach-Object { $_.ToString() })
  $words = '%s'
  if ($typed.Count -gt 2 -or ($typed.Count -eq 2 -and $word -eq '')) {
    $words = switch ($typed[1]) {
`, m.names())
	for _, c := range m.Commands {
		if words := m.follow(c); words != "" {
			fmt.Fprintf(&b, "      '%s' { '%s' }\n", c.Name, words)
		}
	}
	b.WriteString(`      default { '' }
    }
  }
  $words -split ' ' | Where-Object { $_ -and $_ -like "$word*" } |
    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`)
	return b.String()
}

func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
