package plain

import "strings"

// ligatures are letters that a file system without case takes for two.
var ligatures = strings.NewReplacer("ﬀ", "ff", "ﬁ", "fi", "ﬂ", "fl", "ﬃ", "ffi", "ﬄ", "ffl", "ﬅ", "st", "ﬆ", "st", "ß", "ss", "ẞ", "ss")

// FoldName returns a file's name such that all names that a file system without
// case (of macOS, or a directory of ext4) may take for one are the same: "ſ" is
// an s there, and the Kelvin sign a k. It may hold names for one that are not.
func FoldName(name string) string {
	return strings.ToLower(strings.ToUpper(ligatures.Replace(name)))
}
