package ticket

import (
	"slices"
	"strings"
	"sync"
	"unicode"
)

const (
	kindBug  = "BUG"
	kindFeat = "FEAT"
	kindTask = "TASK"
	kindEpic = "EPIC"

	security     = "SECURITY"
	architecture = "ARCH"
)

func onceFill(fill func()) func() { return sync.OnceFunc(fill) }

// kinds are the words for a type. Those in the first list also count as a label.
var kinds = lazyWords(map[string]string{
	kindBug: "bug fix bugfix bugs defect defects regression hotfix crash incident problem fehler bogue anomalie defecto fallo " +
		"defeito erro ошибка баг дефект バグ 不具合 缺陷 错误 故障 버그 결함",
	kindFeat: "feature feat features enhancement enhancements story userstory newfeature featurerequest improvement funktion " +
		"neuefunktion fonctionnalite evolution funcionalidad mejora historia funcionalidade melhoria функция фича улучшение история " +
		"機能 新機能 ストーリー 功能 新功能 需求 故事 기능 스토리",
	kindTask: "chore docs documentation maintenance refactor refactoring techdebt technicaldebt spike cleanup",
	kindEpic: "epic initiative epos epopeya épico эпик エピック 史诗 에픽",
})

// taskWords are types, but as a label they only mark a note as a task.
var taskWords = []string{"task", "tasks", "subtask", "test", "research", "technicaltask", "aufgabe", "tache", "tarea", "tarefa", "задача", "タスク", "任务", "任務", "작업"}

func lazyWords(groups map[string]string) func(word string) string {
	var m map[string]string
	fill := onceFill(func() {
		m = map[string]string{}
		for to, list := range groups {
			for word := range strings.FieldsSeq(list) {
				m[normal(word)] = to
			}
		}
	})
	return func(word string) string {
		fill()
		return m[word]
	}
}

// kindOfType is the kind that a stated type means, "" if none.
func kindOfType(text string) string {
	name := normal(text)
	if slices.Contains(taskWords, name) {
		return kindTask
	}
	if kind := kinds(name); kind != "" {
		return kind
	}
	return kindOfLabel(text)
}

// kindOfLabel is the kind that a label means: bug, kind/bug, type: feature.
func kindOfLabel(text string) string {
	if len(text) > 60 {
		return ""
	}
	if kind := kinds(normal(text)); kind != "" {
		return kind
	}
	group, name, found := cutAny(text, "/:")
	if found && slices.Contains([]string{"type", "kind", "category", "issuetype", "t"}, normal(group)) {
		if slices.Contains(taskWords, normal(name)) {
			return kindTask
		}
		return kinds(normal(name))
	}
	return ""
}

func cutAny(text, separators string) (before, after string, found bool) {
	if i := strings.IndexAny(text, separators); i >= 0 {
		return text[:i], text[i+1:], true
	}
	return text, "", false
}

// Words for security and architecture: a label that has one is the rules' tag.
var (
	securityWords = []string{"security", "appsec", "infosec", "devsec", "devsecops", "cybersecurity", "vulnerability", "vulnerabilities", "cve", "sicherheit",
		"sicherheitsrelevant", "itsicherheit", "datensicherheit", "securite", "seguridad", "seguranca", "sicurezza", "безопасность", "beveiliging", "sakerhet"}
	securityParts = []string{"セキュリティ", "安全", "보안", "безопасност", "sicherheit"}
	archWords     = []string{"architecture", "architectural", "architektur", "arquitectura", "arquitetura", "architettura", "архитектура", "architectuur", "adr"}
	archParts     = []string{"アーキテクチャ", "架构", "架構", "아키텍처", "архитектур", "architektur"}
)

// concern says whether a label, type or component names security or architecture, in
// any spelling: area/security, #security, Security Review, sicherheit.
func concern(text string) string {
	if text == "" || len(text) > 100 {
		return ""
	}
	for _, segment := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("/:.,;#[](){} \t", r) }) {
		switch normal(segment) { // short words only as a whole segment: arch-linux is no architecture
		case "sec":
			if strings.EqualFold(segment, "sec") {
				return security
			}
		case "arch":
			if strings.EqualFold(segment, "arch") {
				return architecture
			}
		}
		if c := concernOf(normal(segment)); c != "" {
			return c
		}
		for _, word := range strings.FieldsFunc(segment, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
			if c := concernOf(normal(word)); c != "" {
				return c
			}
		}
	}
	return concernOf(normal(text))
}

func concernOf(name string) string {
	switch {
	case name == "":
		return ""
	case slices.Contains(securityWords, name):
		return security
	case slices.Contains(archWords, name):
		return architecture
	}
	for _, part := range securityParts {
		if strings.Contains(name, part) {
			return security
		}
	}
	for _, part := range archParts {
		if strings.Contains(name, part) {
			return architecture
		}
	}
	return ""
}

// closedWords are the first words of a status after which nothing is left to do.
var closedWords = []string{"done", "completed", "complete", "closed", "merged", "archived", "resolved", "finished", "cancelled", "canceled",
	"wontfix", "skipped", "rejected", "abandoned", "duplicate", "obsolete", "released", "shipped", "superseded",
	"erledigt", "fertig", "abgeschlossen", "geschlossen", "behoben", "termine", "terminee", "ferme", "hecho", "completado", "completada",
	"cerrado", "cerrada", "terminado", "concluido", "concluida", "feito", "fechado", "fatto", "completato", "chiuso", "готово", "завершено",
	"закрыто", "выполнено", "сделано", "完了", "完成", "已完成", "已关闭", "关闭", "完了済み", "済", "완료", "완료됨", "종료"}

var closedPhrases = []string{"wontdo", "wontfix", "willnotdo", "notplanned", "nottodo"}

// isClosed says whether a status means that nothing is left to do.
func isClosed(status string) bool {
	name := normal(status)
	if name == "" {
		return strings.ContainsAny(status, "✅✔☑")
	}
	if slices.Contains(closedWords, name) || slices.Contains(closedPhrases, name) {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimLeftFunc(status, func(r rune) bool { return !unicode.IsLetter(r) }), " ")
	return slices.Contains(closedWords, normal(strings.TrimRight(first, ",;:.")))
}

// isDraft says whether a status means that the ticket is not decided yet.
func isDraft(status string) bool {
	switch normal(status) {
	case "draft", "entwurf", "brouillon", "borrador", "rascunho", "черновик", "下書き", "草稿", "초안":
		return true
	}
	return false
}
