package prompts

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Marker returns the fence word for the foreign texts of one prompt, all of
// them: derived from their own hash, so that the same ticket always gives the
// same prompt, and hashed on until none of them holds it, so that no text can
// close its own fence or open another's.
func Marker(texts ...string) string { return marker(strings.Join(texts, "\n"), sha256.Sum256) }

func marker(text string, hash func([]byte) [sha256.Size]byte) string {
	sum, up := hash([]byte(text)), strings.ToUpper(text)
	for {
		word := "DATA-" + strings.ToUpper(hex.EncodeToString(sum[:5]))
		if !strings.Contains(up, word) {
			return word
		}
		sum = hash(sum[:])
	}
}

// Fence puts a text between two lines of the marker, which is Marker's word for
// a prompt that this text is part of.
func Fence(marker, text string) string {
	return marker + " begin\n" + strings.TrimRight(text, "\n") + "\n" + marker + " end"
}
