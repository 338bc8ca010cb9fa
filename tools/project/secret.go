package project

import (
	"fmt"
	"slices"

	"github.com/fjbelchi/localmodel/internal/secrets"
)

// WithheldReason returns why a file is shown to no model, "" where it may be. It looks at
// the name that the ticket gives and at the one behind its links.
func WithheldReason(names ...string) string {
	for _, n := range names {
		if kind := secrets.KindOf(n); kind == secrets.Private {
			return fmt.Sprintf("was not shown to the model: it is %s", kind)
		}
	}
	return ""
}

// IsLocal reports whether a file may be shown to a model on this machine only.
func IsLocal(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return secrets.KindOf(n) != secrets.Ordinary })
}

// WithoutSecrets leaves out commands with a secret in them: they are part of
// the reply's schema, which every tier gets.
func WithoutSecrets(commands []string) []string {
	return slices.DeleteFunc(slices.Clone(commands), func(c string) bool {
		_, kinds := secrets.Mask(c)
		return len(kinds) > 0
	})
}
