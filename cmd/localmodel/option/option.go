// Package option reads a subcommand's flags, and writes its help from the same
// source.
package option

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

// UsageError says that a command was called wrongly; it ends with code 2.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

// Flags makes a command's flags. Its help goes to out: the text, then each flag.
func Flags(out io.Writer, name, args, about string) *flag.FlagSet {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // Parse says what is wrong
	fs.Usage = func() {
		fmt.Fprintf(out, "Usage: localmodel %s\n\n", strings.TrimSpace(name+" "+args))
		for _, paragraph := range strings.Split(strings.TrimSpace(about), "\n\n") {
			fmt.Fprint(out, term.Wrap("", paragraph)+"\n")
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
			fmt.Fprint(out, term.Wrap(fmt.Sprintf("%-24s", head+" "), usage))
		})
	}
	return fs
}

// Parse parses a command's arguments, flags and others in any order, and
// returns the others, of which there may be as many as allowed. The error is
// flag.ErrHelp where help was asked for and printed, else a *UsageError.
func Parse(fs *flag.FlagSet, args []string, allowed int) ([]string, error) {
	var rest []string
	usage := fs.Usage
	fs.Usage = func() {} // a mistake gets one line, not the whole help
	defer func() { fs.Usage = usage }()
	for {
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			usage()
			return nil, flag.ErrHelp
		}
		if err != nil {
			return nil, &UsageError{fmt.Sprintf("localmodel %s: %v; localmodel %[1]s --help lists the flags", fs.Name(), err)}
		}
		if args = fs.Args(); len(args) == 0 {
			break
		}
		rest, args = append(rest, args[0]), args[1:]
	}
	if len(rest) > allowed {
		return nil, &UsageError{fmt.Sprintf("localmodel %s: unexpected argument %q; localmodel %[1]s --help lists the flags", fs.Name(), rest[allowed])}
	}
	return rest, nil
}

// Since is a point in time: a day (2026-11-24), or how long ago (30d, 2w,
// 12h). The zero value is the beginning.
type Since struct {
	Now func() time.Time
	At  time.Time
}

func (s *Since) String() string {
	if s == nil || s.At.IsZero() {
		return ""
	}
	return s.At.Format(time.DateOnly)
}

// Set reads the flag's value.
func (s *Since) Set(text string) error {
	if day, err := time.ParseInLocation(time.DateOnly, text, time.UTC); err == nil {
		s.At = day
		return nil
	}
	hours := map[byte]float64{'h': 1, 'd': 24, 'w': 7 * 24}
	if n := len(text) - 1; n > 0 && slices.Contains([]byte("hdw"), text[n]) {
		if count, err := strconv.ParseFloat(text[:n], 64); err == nil && count >= 0 && count < 1e5 {
			s.At = s.Now().Add(-time.Duration(count * hours[text[n]] * float64(time.Hour)))
			return nil
		}
	}
	return errors.New("give a day such as 2026-11-24, or how long ago: 12h, 30d, 2w")
}
