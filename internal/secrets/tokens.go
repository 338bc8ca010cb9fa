package secrets

import "strings"

// tokens are the fixed beginnings that services give their tokens, wider than
// gitleaks' rules: no length, no randomness.
const tokens = `sk-[\w-]{8,}|[sr]k_(?:live|test|prod)_\w{8,}|whsec_\w{16,}|hf_\w{20,}|` +
	`gh[pousr]_\w{20,}|github_pat_\w{20,}|` +
	`xox[abeoprs](?:\.xox[a-z])?-[\w-]{10,}|xapp-[\w-]{10,}|(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|` +
	`ACCA)[A-Z0-9]{16}|` +
	`(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[\w+/=]{16,}|AIza[\w-]{30,}|ya29\.[\w-]{16,}|` +
	`GOCSPX-[\w-]{16,}|` +
	`gl(?:pat|rt|rtr|dt|ft|cbt|ptt|soat|agent|imt|oas|ffct)-[\w.-]{16,}|GR1348941[\w-]{16,}|` +
	`npm_\w{30,}|pypi-[\w-]{16,}|` +
	`SG\.[\w-]{10,}\.[\w-]{10,}|dckr_(?:pat|oat)_[\w-]{16,}|do[opr]_v1_\w{16,}|shp(?:at|ca|pa|` +
	`ss)_\w{16,}|` +
	`lin_(?:api|oauth)_\w{16,}|hv[sb]\.[\w-]{20,}|rubygems_\w{16,}|ATATT3[\w=-]{16,}|PMAK-[\w-]{16,}|` +
	`sntry[su]_[\w+/=-]{16,}|` +
	`xai-\w{16,}|gsk_\w{16,}|tskey-[\w-]{16,}|NRAK-\w{16,}|dp\.(?:pt|st|ct|sa)\.\w{16,}|` +
	`figd_[\w-]{16,}|ntn_\w{16,}|` +
	`glc_[\w+/=]{16,}|glsa_\w{16,}|\d{8,10}:AA[\w-]{30,}|AGE-SECRET-KEY-1\w{16,}`

// tokenKeywords are in lower case; one of them is in each of the tokens.
var tokenKeywords = []string{
	"sk-", "k_live", "k_test", "k_prod", "whsec_", "hf_", "ghp_", "gho_", "ghu_", "ghs_", "ghr_",
	"github_pat_", "xox", "xapp-",
	"a3t", "akia", "asia", "abia", "acca", "iqojb3jpz2lu", "fwogzxivyxdz", "fqogzxivyxdz", "aiza", "ya29.",
	"gocspx-", "glpat-",
	"glrt", "gldt-", "glft-", "glcbt-", "glptt-", "glsoat-", "glagent-", "glimt-", "gloas-", "glffct-",
	"gr1348941", "npm_",
	"pypi-", "sg.", "dckr_", "dop_v1_", "doo_v1_", "dor_v1_", "shpat_", "shpca_", "shppa_", "shpss_", "lin_",
	"hvs.", "hvb.",
	"rubygems_", "atatt3", "pmak-", "sntry", "xai-", "gsk_", "tskey-", "nrak-", "dp.pt.", "dp.st.", "dp.ct.",
	"dp.sa.", "figd_",
	"ntn_", "glc_", "glsa_", ":aa", "age-secret-key-1",
}

func tokenRules() []*ownRule {
	return []*ownRule{
		own("token", isToken, `\b(`+tokens+`)`, tokenKeywords...),
		own("jwt", nil, `\b(eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]*)`, "eyj"),
	}
}

// isToken: words such as sk-learn-contrib have no digit.
func isToken(_, secret string) bool {
	return !strings.HasPrefix(secret, "sk-") || strings.ContainsAny(secret, "0123456789")
}
