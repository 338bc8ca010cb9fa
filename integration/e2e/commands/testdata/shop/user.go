package shop

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

var (
	// ErrUnknown says that there is no such account.
	ErrUnknown = errors.New("unknown account")
	// ErrPassword says that the password is another one.
	ErrPassword = errors.New("wrong password")
)

// standardPicture is what an account without a picture shows.
const standardPicture = "/static/standard.png"

// Account is a customer who has registered.
type Account struct {
	ID             int
	Name, Password string
	Orders         []int
	Reviews        []string
}

// Users holds the accounts.
type Users struct {
	accounts map[string]*Account
	profiles map[int]string // pages that were rendered, by account id
	tokens   map[int]string // that confirm a deletion, by account id
}

// NewUsers returns the accounts as a store.
func NewUsers(accounts ...*Account) *Users {
	u := &Users{accounts: map[string]*Account{}, profiles: map[int]string{}, tokens: map[int]string{}}
	for _, a := range accounts {
		u.accounts[a.Name] = a
	}
	return u
}

// Login returns the account of a name, if the password is right.
func (u *Users) Login(name, password string) (*Account, error) {
	a, ok := u.accounts[strings.TrimSpace(name)]
	switch {
	case !ok:
		return nil, ErrUnknown
	case a.Password != password:
		return nil, ErrPassword
	}
	return a, nil
}

// Profile renders the page of an account, once.
func (u *Users) Profile(a *Account) string {
	if u.profiles[a.ID] == "" {
		u.profiles[a.ID] = "Profile of " + a.Name
	}
	return u.profiles[a.ID]
}

// Rename gives an account another name.
func (u *Users) Rename(from, to string) error {
	a, ok := u.accounts[from]
	if !ok {
		return ErrUnknown
	}
	delete(u.accounts, from)
	a.Name = to
	u.accounts[to] = a
	return nil
}

// Avatar returns the address of an account's picture for an <img> element.
func Avatar(url string) string {
	if strings.HasPrefix(url, "http://") {
		return "https://" + strings.TrimPrefix(url, "http://")
	}
	return url
}

// AskDelete returns the token that the customer is mailed to confirm a deletion.
func (u *Users) AskDelete(id int) string {
	u.tokens[id] = fmt.Sprintf("delete-%d", id)
	return u.tokens[id]
}

// Delete removes an account.
func (u *Users) Delete(id int, token string) error {
	for name, a := range u.accounts {
		if a.ID == id {
			delete(u.accounts, name)
			return nil
		}
	}
	return ErrUnknown
}

// Export writes what is known of an account into a directory, as the law wants it.
func (u *Users) Export(a *Account, dir string) error {
	for name, text := range map[string]string{
		"profile.txt": a.Name + "\n",
		"orders.txt":  fmt.Sprintln(a.Orders),
		"reviews.txt": strings.Join(a.Reviews, "\n"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}
