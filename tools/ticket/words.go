package ticket

import (
	"strings"
	"unicode"
)

// What a key, a line's label or a section heading stands for.
type field int

const (
	unknownField    field = iota
	idField               // the ticket's own id
	titleField            //
	typeField             // bug, story, ...
	statusField           //
	priorityField         //
	severityField         // the priority, where none is stated
	parentField           // an epic or a parent ticket: no dependency
	complexityField       //
	labelsField           //
	componentsField       // no labels, but they may name security or architecture
	dependsField          // tickets that this one waits for
	linksField            // relations of several kinds: each says in words which
	reverseField          // tickets that wait for this one, or are only related
	filesField            // files that are to change
	criteriaField         // see the classes below
	contextField          // known, and nothing of the above
	logField              // what happened: nothing in it is a statement about the work
)

// Classes of criteria: the best one that is there counts alone.
const (
	acceptance = iota
	success
	definitionOfDone
)

// meaning is what a word stands for.
type meaning struct {
	field  field
	action string // of files: what is to happen to them
	class  int    // of criteria
}

// words are the keys, line labels and headings that people use, in the languages of
// the tickets seen. Each is in its normal form: see normal.
var words = lazyTable(map[meaning]string{
	{field: idField}:       "id workpackageid wpid wpcode taskid ticketid issueid storyid identifier key issuekey number issuenumber uid slug",
	{field: titleField}:    "title name summary subject titel titre titulo titolo заголовок название タイトル 标题 標題 제목",
	{field: typeField}:     "type issuetype kind category tickettype tasktype workitemtype typ tipo тип 種別 类型 類型 유형",
	{field: statusField}:   "status state lane stage column estado etat statut stato статус состояние ステータス 状態 状态 狀態 상태",
	{field: priorityField}: "priority prio prioritat priorite prioridad prioridade priorita приоритет 優先度 优先级 優先級 우선순위",
	{field: severityField}: "severity",
	{field: parentField}: "parent parenttaskid parentid parentissue parenttask parentticket parentstory epic epiclink epickey " +
		"epicid projects partof ubergeordnet 親タスク 父任务 상위작업",
	{field: complexityField}: "complexity komplexitat complexite complejidad complexidade complessita сложность 複雑度 复杂度 複雜度 복잡도",
	{field: labelsField}:     "labels label tags tag etiketten etiquettes etiquetas etiqueta etichette метки теги ラベル タグ 标签 標籤 레이블 태그",
	{field: componentsField}: "components component categories area areas module modules komponente komponenten composants " +
		"componentes компонент компоненты コンポーネント 组件 컴포넌트",
	{field: dependsField}: "dependencies dependency dependson depends dependencyids taskdependencies dependenciesnotes dependenciesandnotes blockedby isblockedby " +
		"blockers blocker requires require prerequisites prerequisite prereqs prereq after needs waitsfor waitingon waitingfor " +
		"predecessors predecessor dependenciesblockers blockersdependencies prerequisitesdependencies dependenciesprerequisites " +
		"abhangigkeiten abhangigvon hangtabvon blockiertdurch blockiertvon voraussetzungen " +
		"dependances dependde bloquepar prerequis dependencias dependede bloqueadopor requisitosprevios prerrequisitos prerequisitos " +
		"dipendenze dipendeda bloccatoda зависимости зависитот заблокировано блокируется 依存関係 依存 前提条件 先行タスク 依赖 依赖关系 依赖项 前置任务 前置条件 依賴 " +
		"의존성 종속성 선행작업",
	{field: linksField}: "issuelinks linkedissues relations relationships links relatedissues verknupfungen",
	{field: reverseField}: "blocks blocked blocking blocksids enables requiredby unblocks dependents neededby successors successor " +
		"downstream children subtasks subissues relatedto related relates relatesto duplicates duplicateof seealso blockiert bloquea bloque bloqueia блокирует",
	{field: filesField}: "affectedfiles filesaffected ownedfiles files file keyfiles targetfiles impactedfiles affectedcode filestotouch " +
		"affectedpaths paths touchedfiles filestouched betroffenedateien dateien fichiersconcernes fichiersaffectes fichiers archivosafectados archivos " +
		"ficherosafectados arquivosafetados arquivos fileinteressati затронутыефайлы файлы 影響ファイル 対象ファイル 影响文件 受影响的文件 涉及文件 相关代码文件 영향받는파일 대상파일",
	{field: filesField, action: "modify"}: "modifiedfiles filesmodified filestomodify fileschanged changedfiles filestochange filestoupdate " +
		"filesupdated filestoedit geandertedateien zuanderndedateien fichiersmodifies fichiersamodifier archivosmodificados archivosamodificar " +
		"arquivosmodificados arquivosamodificar изменяемыефайлы 変更ファイル 修正ファイル 修改文件 需修改文件 수정파일",
	{field: filesField, action: "create"}: "filestocreate filescreated newfiles createdfiles filestoadd neuedateien fichiersacreer " +
		"archivosacrear arquivosacriar новыефайлы 新規ファイル 新增文件 새파일",
	{field: filesField, action: "delete"}: "filestodelete filesdeleted deletedfiles filestoremove filesremoved removedfiles",
	{field: filesField, action: "create/modify/delete"}: "filestocreatemodify filestomodifycreate filescreatedmodified filesmodifiedcreated " +
		"filestocreateormodify filestocreateandmodify filestocreateupdate",
	{field: criteriaField}: "acceptancecriteria acceptancecriterion acceptance acceptancescenarios criteria akzeptanzkriterien abnahmekriterien " +
		"criteresdacceptation criteresdacceptance criteriosdeaceptacion criteriosdeaceite criteriosdeaceitacao criteridiaccettazione " +
		"критерииприемки критерииприема 受け入れ基準 受入基準 受け入れ条件 受入条件 验收标准 验收条件 驗收標準 驗收條件 인수조건 인수기준 수용기준 acceptatiecriteria kryteriaakceptacji",
	{field: criteriaField, class: success}: "successcriteria objectivesuccesscriteria objectivessuccesscriteria objectivesandsuccesscriteria " +
		"objectiveandsuccesscriteria goalsuccesscriteria goalssuccesscriteria successmetrics donewhen doneif erfolgskriterien criteresdesucces " +
		"criteriosdeexito criteriosdesucesso критерииуспеха 成功基準 完了条件 成功标准 完成标准 성공기준 완료조건",
	{field: criteriaField, class: definitionOfDone}: "definitionofdone",
	{field: contextField}: "technicaldependencies externaldependencies packagedependencies dependenciesexecutionorder dependenciesandexecutionorder " +
		"librarydependencies relatedfiles filestoinvestigate referencefiles relevantfiles filestoread filestoreview filestoreference scope references documentation docs " +
		"subtask workitems tasks checklist verification testing testingverification outofscope donotmodifyfiles unchangedfiles " +
		"filename filepath featurebranch profile profiles blockedreason dependencygraph dependencynotes dependenciesgraph labelscolor " +
		"nonacceptancecriteria criteriarefs requirementrefs",
	{field: logField}: "history activitylog comments comment changelog worklog finalsummary log timeline discussion",
})

// table is filled when it is first asked: a server's start must not wait for it.
func lazyTable(groups map[meaning]string) func(word string) (meaning, bool) {
	var m map[string]meaning
	fill := onceFill(func() {
		m = make(map[string]meaning, 512)
		for what, list := range groups {
			for word := range strings.FieldsSeq(list) {
				m[word] = what
			}
		}
	})
	return func(word string) (meaning, bool) {
		fill()
		what, ok := m[word]
		return what, ok
	}
}

// phrases make a heading one of criteria, files or dependencies also where more
// words stand around them.
var phrases = []struct {
	part string
	what meaning
}{
	{"acceptancecriteria", meaning{field: criteriaField}},
	{"akzeptanzkriterien", meaning{field: criteriaField}},
	{"criteresdacceptation", meaning{field: criteriaField}},
	{"criteriosdeaceptacion", meaning{field: criteriaField}},
	{"criteriosdeaceite", meaning{field: criteriaField}},
	{"критерииприемки", meaning{field: criteriaField}},
	{"受け入れ基準", meaning{field: criteriaField}},
	{"受入基準", meaning{field: criteriaField}},
	{"验收标准", meaning{field: criteriaField}},
	{"인수조건", meaning{field: criteriaField}},
	{"successcriteria", meaning{field: criteriaField, class: success}},
}

// meaningOf gives what a key or label stands for.
func meaningOf(word string) meaning {
	what, _ := words(normal(word))
	return what
}

// headingMeaning gives what a section holds. Numbers, ornaments, emoji and what
// follows in parentheses do not matter.
func headingMeaning(title string) meaning {
	if title == "" || len(title) > 200 {
		return meaning{}
	}
	name := normal(title)
	if what, ok := words(name); ok {
		return what
	}
	for _, p := range phrases {
		if strings.Contains(name, p.part) && !strings.HasPrefix(name, "non") && len(name) < len(p.part)+40 {
			return p.what
		}
	}
	return meaning{}
}

// normal is a word in the form of the tables: letters only, lower case, without
// accents and without what stands in parentheses.
func normal(text string) string {
	if len(text) > 200 {
		return ""
	}
	var b strings.Builder
	b.Grow(len(text))
	depth := 0
	for _, r := range text {
		switch r {
		case '(', '（':
			depth++
			continue
		case ')', '）':
			depth = max(0, depth-1)
			continue
		}
		switch {
		case depth > 0:
		case r < 0x80:
			if r >= 'A' && r <= 'Z' {
				r += 'a' - 'A'
			}
			if r >= 'a' && r <= 'z' {
				b.WriteRune(r)
			}
		case unicode.IsLetter(r):
			r = unicode.ToLower(r)
			if plain, ok := accents[r]; ok {
				r = plain
			}
			b.WriteRune(r)
		}
	}
	return b.String()
}

var accents = map[rune]rune{
	'á': 'a', 'à': 'a', 'â': 'a', 'ã': 'a', 'ä': 'a', 'å': 'a', 'ç': 'c', 'é': 'e', 'è': 'e', 'ê': 'e', 'ë': 'e',
	'í': 'i', 'ì': 'i', 'î': 'i', 'ï': 'i', 'ñ': 'n', 'ó': 'o', 'ò': 'o', 'ô': 'o', 'õ': 'o', 'ö': 'o',
	'ú': 'u', 'ù': 'u', 'û': 'u', 'ü': 'u', 'ý': 'y', 'ё': 'е', 'ß': 's',
}

// suspects are parts of words that look like one of the fields that decide. What has
// one and is not understood is named in a warning.
var suspects = []string{"depend", "blocked", "blocker", "prereq", "acceptance", "criteri", "label", "affected", "filesto",
	"abhangig", "akzeptanz", "aceptacion", "aceite", "dependenc", "зависим", "критери", "依存", "依赖", "受け入れ", "验收", "인수"}

// looksTelling says whether an unknown word looks like a field that decides.
func looksTelling(word string) bool {
	name := normal(word)
	if name == "" || len(name) > 60 || strings.HasPrefix(name, "not") || strings.HasPrefix(name, "no") || strings.HasPrefix(name, "un") {
		return false
	}
	for _, s := range suspects {
		if strings.Contains(name, s) {
			return true
		}
	}
	return false
}
