package main

import (
	"bytes"
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
// uvx and pipx. Its entries carry no time.
func wheel(b bundle, out string) error {
	p := platform{b.os, b.arch}
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
	var tags strings.Builder
	for tag := range strings.SplitSeq(wheelTags[p], ".") {
		fmt.Fprintf(&tags, "Tag: py3-none-%s\n", tag)
	}
	info := "localmodel-" + version + ".dist-info/"
	entries := []struct {
		name string
		file
	}{
		{"localmodel-" + version + ".data/scripts/" + programName(p), file{program, 0o755}},
		{info + "METADATA", file{[]byte("Metadata-Version: 2.1\nName: localmodel\nVersion: " + version +
			"\nSummary: " + description + "\nHome-page: " + repository + "\nLicense: MIT\nRequires-Python: >=3.8\n" +
			"Description-Content-Type: text/markdown\n\n" + string(page)), 0o644}},
		{info + "WHEEL", file{[]byte("Wheel-Version: 1.0\nGenerator: localmodel\nRoot-Is-Purelib: false\n" + tags.String()), 0o644}},
		{info + "licenses/LICENSE", file{licence, 0o644}},
	}
	var record strings.Builder
	var data bytes.Buffer
	z := b.newZip(&data)
	for _, e := range entries {
		sum := sha256.Sum256(e.data)
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", e.name, base64.RawURLEncoding.EncodeToString(sum[:]), len(e.data))
		if err := add(z, e.name, e.mode, e.data); err != nil {
			return err
		}
	}
	fmt.Fprintf(&record, "%sRECORD,,\n", info)
	if err := add(z, info+"RECORD", 0o644, []byte(record.String())); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil { //nolint:gosec // files for everyone
		return err
	}
	return os.WriteFile(filepath.Join(out, wheelName(b.version, p)), data.Bytes(), 0o644) //nolint:gosec // files for everyone
}
