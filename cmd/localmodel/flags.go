package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/term"
)

// readsOwnHelp lists the commands whose -h is their own FlagSet's.
var readsOwnHelp = []string{"doctor", "stats", "eval", "export", "install", "uninstall", "completion", "man"}

// newFlags makes a command's flags. Its usage is the text, then each flag.
func newFlags(w world, name, args, about string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // parseFlags says what is wrong
	fs.Usage = func() {
		fmt.Fprintf(w.out, "Usage: localmodel %s\n\n", strings.TrimSpace(name+" "+args))
		for _, paragraph := range strings.Split(strings.TrimSpace(about), "\n\n") {
			fmt.Fprint(w.out, term.Wrap("", paragraph)+"\n")
		}
		fs.VisitAll(func(f *flag.Flag) {
			value, usage := flag.UnquoteUsage(f)
			head := "  --" + f.Name
			if value != "" {
				head += " " + value
			}
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
				usage += " (default " + f.DefValue + ")"
			}
			fmt.Fprint(w.out, term.Wrap(fmt.Sprintf("%-24s", head+" "), usage))
		})
	}
	return fs
}

// parseFlags parses a command's arguments, flags and others in any order, and
// returns the others, of which there may be as many as allowed.
func parseFlags(fs *flag.FlagSet, args []string, allowed int) ([]string, error) {
	var rest []string
	usage := fs.Usage
	fs.Usage = func() {} // a mistake gets one line, not the whole help
	for {
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			usage()
			return nil, exitError{code: 0}
		}
		if err != nil {
			return nil, exitError{2, fmt.Sprintf("localmodel %s: %v; localmodel %[1]s --help lists the flags", fs.Name(), err)}
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	if len(rest) > allowed {
		return nil, exitError{2, fmt.Sprintf("localmodel %s: unexpected argument %q; localmodel %[1]s --help lists the flags", fs.Name(), rest[allowed])}
	}
	return rest, nil
}

// sinceFlag is a point in time: a day (2026-11-24), or how long ago (30d, 2w,
// 12h). The zero value is the beginning.
type sinceFlag struct {
	now func() time.Time
	at  time.Time
}

func (s *sinceFlag) String() string {
	if s == nil || s.at.IsZero() {
		return ""
	}
	return s.at.Format(time.DateOnly)
}

// Set reads the flag's value.
func (s *sinceFlag) Set(text string) error {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.UTC); err == nil {
		s.at = day
		return nil
	}
	hours := map[byte]float64{'h': 1, 'd': 24, 'w': 7 * 24}
	if n := len(text) - 1; n > 0 && slices.Contains([]byte("hdw"), text[n]) {
		if count, err := strconv.ParseFloat(text[:n], 64); err == nil && count >= 0 && count < 1e5 {
			s.at = s.now().Add(-time.Duration(count * hours[text[n]] * float64(time.Hour)))
			return nil
		}
	}
	return errors.New("give a day such as 2026-11-24, or how long ago: 12h, 30d, 2w")
}
