package shop

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func ann() *Account {
	return &Account{ID: 1, Name: "ann", Password: "secret", Orders: []int{12}, Reviews: []string{"good"}}
}

func TestLogin(t *testing.T) {
	u := NewUsers(ann())
	if _, err := u.Login("ann", "guess"); !errors.Is(err, ErrPassword) {
		t.Errorf("got %v", err)
	}
	if err := u.Rename("ann", "eva"); err != nil {
		t.Fatal(err)
	}
	if a, err := u.Login("eva", "secret"); err != nil || u.Profile(a) != "Profile of eva" {
		t.Errorf("%v, %v", a, err)
	}
	if err := u.Delete(1, u.AskDelete(1)); err != nil {
		t.Error(err)
	}
	if _, err := u.Login("eva", "secret"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestAvatar(t *testing.T) {
	if got := Avatar("http://example.com/a.png"); got != "https://example.com/a.png" {
		t.Error(got)
	}
}

func TestExport(t *testing.T) {
	dir := t.TempDir()
	if err := NewUsers().Export(ann(), dir); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "profile.txt")); string(text) != "ann\n" {
		t.Errorf("%q, %v", text, err)
	}
}
