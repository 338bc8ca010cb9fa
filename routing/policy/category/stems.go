package category

// stems are the beginnings of words that speak for a category, most telling
// category first. One of up to four letters is a whole word (stemAt).
var stems = []struct {
	category Category
	stems    []string
}{
	{Bug, []string{
		"fix", "bug", "crash", "error", "broken", "fail", "failure", "wrong", "regress", "defect", "leak",
		"not work", "does not", "doesn't", "doesn’t", "cannot", "can't", "can’t", "hang", "freez", "incorrect", "missing",
		"panic", "deadlock", "unexpected", "exception", "stuck", "prevent", "avoid", "ensure", "handle", "resolve",
		"correctly", "properly", "invalid", "don't", "don’t", "segfault", "overflow", "race condition", "no longer",
		"arregl", "corrig", "correg", "fallo", "falla", "roto", "beheb", "soluciona", "evita", "no funciona",
		"fehler", "absturz", "kaputt", "funktioniert nicht", "behebt", "stürzt ab", "defekt",
		"erreur", "panne", "plante", "ne fonctionne pas", "bogue", "résou", "éviter",
		"erro", "quebra", "conserta", "não funciona", "falha",
		"修复", "错误", "崩溃", "失败", "修正", "异常", "无法", "不能", "报错", "闪退", "卡死", "丢失", "缺陷", "解决", "避免", "问题",
		"バグ", "不具合", "エラー", "クラッシュ", "失敗", "できない", "動かない", "動作しない", "されない", "落ちる", "例外", "おかしい", "問題",
		"버그", "오류", "에러", "실패", "고장", "수정", "해결", "크래시", "안 됨", "안됨", "되지 않", "깨짐", "깨지", "잘못", "문제",
		"إصلاح", "خطأ", "عطل", "لا يعمل",
		"ошибк", "исправ", "не работает", "падает", "сломан", "вылет", "сбой",
	}},
	{Feat, []string{
		"add", "new", "support", "allow", "implement", "introduc", "create", "enable", "provide", "feature", "let",
		"option", "expose", "extend", "integrat", "ability", "configurable", "would like", "able to", "wish",
		"añad", "agreg", "nuev", "permit", "soporte", "implementa", "incorpora", "habilit",
		"hinzuf", "füge", "neue", "neuer", "neuen", "neues", "ermögl", "unterstütz", "erweiter", "einführ",
		"ajout", "nouve", "permet", "prise en charge", "implément", "intégr",
		"adicion", "novo", "nova", "suporte", "implementar", "acrescent",
		"添加", "新增", "增加", "支持", "实现", "引入", "允许", "希望", "建议", "提供", "加入", "功能",
		"追加", "対応", "実装", "新規", "サポート", "できるように", "導入", "機能",
		"추가", "지원", "구현", "도입", "허용", "신규", "새로운", "기능",
		"إضافة", "دعم", "ميزة", "добав", "новы", "поддержк", "реализ", "внедр",
	}},
	{Task, []string{
		"refactor", "clean", "upgrad", "updat", "bump", "document", "docs", "renam", "migrat", "remov", "move", "test",
		"chore", "improv", "optimi", "deprecat", "rewrite", "rework", "simplif", "extract", "split", "reorgani", "lint",
		"format", "typo", "readme", "changelog", "ci", "release", "dependenc", "comment", "benchmark", "revert", "drop",
		"replace", "delete", "pin", "use", "example", "mention", "link", "clarif", "switch", "workflow", "license",
		"actualiz", "limpi", "refactoriz", "document", "elimin", "renombr", "prueba", "mejora",
		"aktualis", "aufräum", "refaktor", "entfern", "umbenenn", "dokument", "verschieb",
		"mise à jour", "mettre à jour", "refactoris", "nettoy", "supprim", "renomm", "déplac", "amélior",
		"atualiz", "limpa", "remov", "renome", "refator", "melhor",
		"重构", "更新", "文档", "测试", "升级", "优化", "清理", "删除", "移除", "重命名", "迁移", "整理", "调整", "依赖", "注释", "格式", "改进",
		"リファクタ", "ドキュメント", "テスト", "整理", "削除", "移行", "改善", "依存", "コメント", "アップデート", "変更", "修正",
		"리팩터", "리팩토", "업데이트", "문서", "테스트", "정리", "삭제", "제거", "변경", "개선", "업그레이드", "의존성", "주석", "이동",
		"تحديث", "توثيق", "обнов", "рефактор", "удал", "переимен", "документац", "тест", "перенес",
	}},
}
