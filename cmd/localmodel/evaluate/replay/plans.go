package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/cmd/localmodel/evaluate"
	"github.com/fjbelchi/localmodel/cmd/localmodel/exitcode"
)

// planLimit is how long a model may take for one plan, its repair included. It is
// longer than a call's deadline: how slow a model is, is what is compared.
const planLimit = 10 * time.Minute

// onlyPlans turns a session into a comparison of plans, by model and setting.
func (r run) onlyPlans(s *evaluate.Session) error {
	heats, err := settingValues("temperature", r.Temperatures, 2)
	if err != nil {
		return err
	}
	topPs, err := settingValues("top-p", r.TopPs, 1)
	if err != nil {
		return err
	}
	s.OnlyPlan, s.Plans, s.Deadline = true, len(s.Set.Tickets), planLimit
	s.Models = evaluate.Settings(s.Models, heats, topPs)
	return nil
}

// settingValues reads the values of a flag, each above 0 and at most most, or the
// word default.
func settingValues(flag, text string, most float64) (out []float64, err error) {
	if text == "" {
		return nil, nil
	}
	for _, word := range strings.Split(text, ",") {
		word = strings.TrimSpace(word)
		if word == "default" {
			out = append(out, 0)
			continue
		}
		v, err := strconv.ParseFloat(word, 64)
		if err != nil || !(v > 0 && v <= most) {
			return nil, exitcode.New(2, fmt.Sprintf("localmodel eval: --%s %q is neither a number above 0 and at most %g nor the word default",
				flag, word, most))
		}
		out = append(out, v)
	}
	return out, nil
}
