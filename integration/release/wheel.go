package main

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// wheelTags are pip's words for platforms. The Linux programs are static, so
// they run on every C library.
var wheelTags = map[platform]string{
	{"linux", "amd64"}:   "manylinux2014_x86_64.manylinux_2_17_x86_64.musllinux_1_1_x86_64",
	{"linux", "arm64"}:   "manylinux2014_aarch64.manylinux_2_17_aarch64.musllinux_1_1_aarch64",
	{"darwin", "amd64"}:  "macosx_10_12_x86_64",
	{"darwin", "arm64"}:  "macosx_11_0_arm64",
	{"windows", "amd64"}: "win_amd64",
	{"windows", "arm64"}: "win_arm64",
}

// wheelVersion writes a version as Python packages do: 1.2.3-rc.1 is 1.2.3rc1,
// and a snapshot's suffix a local version.
func wheelVersion(version string) string {
	base, suffix, found := strings.Cut(version, "-")
	if !found {
		return version
	}
	if n, ok := strings.CutPrefix(suffix, "rc."); ok {
		return base + "rc" + n
	}
	local := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
			return r
		}
		return '.'
	}, strings.ToLower(suffix))
	return base + ".dev0+" + local
}

func wheelName(version string, p platform) string {
	return fmt.Sprintf("localmodel-%s-py3-none-%s.whl", wheelVersion(version), wheelTags[p])
}

// wheel writes a Python package that holds the program and nothing else, for
// uvx and pipx.
func wheel(b bundle, out string) error {
	version := wheelVersion(b.version)
	program, err := os.ReadFile(b.binary)
	if err != nil {
		return err
	}
	page, err := readme(b.version)
	if err != nil {
		return err
	}
	licence, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	metadata := "Metadata-Version: 2.1\nName: localmodel\nVersion: " + version + "\nSummary: " + description +
		"\nHome-page: " + repository + "\nLicense: MIT\nRequires-Python: >=3.8\n" +
		"Description-Content-Type: text/markdown\n\n" + string(page)
	tags := "Wheel-Version: 1.0\nGenerator: localmodel\nRoot-Is-Purelib: false\n"
	for tag := range strings.SplitSeq(wheelTags[b.platform], ".") {
		tags += "Tag: py3-none-" + tag + "\n"
	}
	info := "localmodel-" + version + ".dist-info/"
	entries := []entry{
		{"localmodel-" + version + ".data/scripts/" + b.program(), program, 0o755},
		{info + "METADATA", []byte(metadata), 0o644},
		{info + "WHEEL", []byte(tags), 0o644},
		{info + "licenses/LICENSE", licence, 0o644},
	}
	var record strings.Builder
	for _, e := range entries {
		sum := sha256.Sum256(e.data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", e.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(e.data))
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	data, err := zipped(b.level, append(entries, entry{info + "RECORD", []byte(record.String()), 0o644}))
	if err != nil {
		return err
	}
	return publish(filepath.Join(out, wheelName(b.version, b.platform)), data, 0o644)
}
