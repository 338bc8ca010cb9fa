package draft

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fjbelchi/localmodel/internal/rootfs"
	"github.com/fjbelchi/localmodel/prompts"
)

// Target is one file that the plan changes.
type Target struct {
	Path   string `json:"path"`
	Step   string `json:"step"` // the plan's words for it
	Create bool   `json:"create,omitempty"`
}

// Spec is a draft to write: an accepted plan of one ticket.
type Spec struct {
	Project  string   `json:"project"` // its identity in the journal
	Tree     string   `json:"tree"`    // the working tree, as Read knows it; "" = the project's root
	TicketID string   `json:"ticket_id"`
	Ticket   string   `json:"ticket"`
	Plan     string   `json:"plan"`
	Failures string   `json:"failures"` // the gates' failures that the plan knew of, in the caller's words
	Targets  []Target `json:"targets"`
	// Allowed lists the paths that the draft may touch: the ticket's affected
	// files and the plan's test files.
	Allowed []string  `json:"allowed"`
	Missing []Missing `json:"missing,omitempty"` // steps of the plan that no draft is written for
	// Class, Category and Digest say under which record of the guard the draft
	// counts. They change nothing in it.
	Class    string `json:"class,omitempty"`
	Category string `json:"category,omitempty"`
	Digest   string `json:"digest,omitempty"`
}

// Limits of one draft.
const (
	maxTargets   = 10
	maxFileBytes = 64 << 10
	jobTimeout   = 30 * time.Minute
	maxJob       = 8 << 20 // bytes of a job file
)

type fileResult struct {
	Target
	Done     bool    `json:"done"`
	BaseHash string  `json:"base_hash,omitempty"`
	After    string  `json:"after,omitempty"` // "" = nothing usable
	Checks   []Check `json:"checks,omitempty"`
	Why      string  `json:"why,omitempty"` // why there is nothing usable
}

// job is a draft in the state directory. It is written after each file, so that
// a restart goes on where it was.
type job struct {
	Key      string       `json:"key"`
	Spec     Spec         `json:"spec"`
	Ended    bool         `json:"ended"`
	Recorded bool         `json:"recorded"` // Config.Ended has been called
	Began    time.Time    `json:"began"`
	Files    []fileResult `json:"files"`
	Stats    Stats        `json:"stats"`
	Bytes    int          `json:"bytes"` // of the patch
	Commands *Check       `json:"commands,omitempty"`
}

// Resume returns the plan that a draft of the ticket was begun for, as long as
// the ticket's text is the same, so that the same call again neither plans
// anew nor loses what is written.
func (m *Manager) Resume(project, ticketID, ticket string) (Spec, bool) {
	j, err := m.loadJob(m.directory(project, ticketID))
	if err != nil || j.Spec.Ticket != ticket || j.Spec.key() != j.Key || (j.Ended && m.stale(j)) {
		return Spec{}, false
	}
	return j.Spec, true
}

// key names a draft by everything that it depends on but the files' texts.
func (s Spec) key() string {
	s.Missing, s.Class, s.Category, s.Digest = nil, "", "", ""
	text, _ := json.Marshal(s) // strings always marshal
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:12])
}

// id names this writing of the draft: the same plan may be drafted again.
func (j *job) id() string { return fmt.Sprintf("%s-%d", j.Key, j.Began.UnixMilli()) }

// directory is where the drafts of a ticket are kept: one a ticket.
func (m *Manager) directory(project, ticketID string) string {
	sum := sha256.Sum256([]byte(project + "\x00" + strings.ToUpper(ticketID)))
	return filepath.Join(m.cfg.Dir, hex.EncodeToString(sum[:10]))
}

func hashOf(f File) string {
	if !f.Exists {
		return "absent"
	}
	sum := sha256.Sum256([]byte(f.Text))
	return hex.EncodeToString(sum[:])
}

// The files in the directory of a draft.
const (
	jobFile   = "job.json"
	patchFile = "draft.patch"
	lockFile  = "lock"
)

func (m *Manager) loadJob(dir string) (*job, error) {
	data, err := rootfs.ReadFile(m.ctx, dir, jobFile, maxJob)
	if err != nil {
		return nil, err
	}
	var j job
	if err := json.Unmarshal(data, &j); err != nil {
		return nil, fmt.Errorf("%s: %w", jobFile, err)
	}
	return &j, nil
}

// save writes the draft to its directory. A failure costs a restart the work,
// not the caller the draft.
func (m *Manager) save(dir string, j *job) {
	data, err := json.Marshal(j)
	if err == nil {
		err = m.replace(dir, jobFile, data)
	}
	if err != nil {
		m.cfg.Log.Warn("draft not saved", "error", err)
	}
}

func (m *Manager) replace(dir, name string, data []byte) error {
	root, err := rootfs.Private(m.ctx, dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	return root.Replace(m.ctx, name, data, rootfs.Write{Perm: 0o600})
}

// writeFile drafts one target. It returns an error only when the job's time is
// over; anything else is the file's result.
func (m *Manager) writeFile(ctx context.Context, s Spec, t Target, progress func(string, int, int)) (fileResult, error) {
	r := fileResult{Target: t, Done: true}
	if !slices.ContainsFunc(s.Allowed, func(a string) bool { return path.Clean(a) == path.Clean(t.Path) }) {
		r.Why = "neither a file of the ticket nor a test of the plan"
		r.Checks = []Check{{Name: CheckScope, State: Failed, File: t.Path, Detail: r.Why}}
		return r, nil
	}
	base, err := m.cfg.Read(ctx, s.Tree, t.Path)
	switch {
	case ctx.Err() != nil:
		return r, ctx.Err()
	case err != nil:
		r.Why = "not readable: " + err.Error()
		return r, nil
	case len(base.Text) > maxFileBytes:
		r.Why = fmt.Sprintf("%d bytes, more than %d", len(base.Text), maxFileBytes)
		return r, nil
	case !base.Exists && !t.Create:
		r.Why = "the file to change does not exist"
		return r, nil
	}
	r.BaseHash = hashOf(base)
	return m.ask(ctx, s, r, base, progress)
}

func (m *Manager) ask(ctx context.Context, s Spec, r fileResult, base File,
	progress func(string, int, int),
) (fileResult, error) {
	q := prompts.DraftQuestion{
		ID: s.TicketID, Ticket: s.Ticket, Plan: s.Plan,
		Path: r.Path, Text: base.Text, Step: r.Step,
		Exists: base.Exists, Whole: !base.inBlocks(), Markdown: isMarkdown(r.Path),
	}
	user, err := prompts.Draft(q)
	if err != nil {
		return r, err
	}
	var last Defect
	err = m.cfg.Ask(ctx, Prompt{
		TicketID: s.TicketID, System: prompts.DraftSystem, User: user,
		MaxTokens: base.replyTokens(), Progress: progress,
		Accept: func(reply []byte) error {
			bad := m.judge(ctx, &r, base, string(reply))
			if bad == nil {
				return nil
			}
			last = *bad
			return bad
		},
		Repair: func(_ []byte, defects error) string { return prompts.DraftRepair(q, defects.Error(), last.Show) },
	})
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	if err != nil || r.After == "" {
		r.After, r.Why = "", last.Why
		if r.Why == "" && err != nil {
			r.Why = clip(err.Error(), 200)
		}
		r.Why = cmp.Or(r.Why, "the local model gave nothing usable")
	}
	return r, nil
}

// judge applies a reply to its file and checks what comes of it, into r.
func (m *Manager) judge(ctx context.Context, r *fileResult, base File, reply string) *Defect {
	r.After = ""
	after, bad := base.result(base.inBlocks(), reply)
	if bad != nil {
		r.Checks = []Check{{Name: CheckApplies, State: Failed, File: r.Path, Detail: bad.Why}}
		return bad
	}
	r.Checks = append([]Check{{Name: CheckScope, State: Passed, File: r.Path}, {Name: CheckApplies, State: Passed, File: r.Path}},
		checkContent(ctx, m.cfg.Parser, Change{File: base, After: after, Step: r.Step}, m.cfg.Secrets)...)
	if check := r.Checks[len(r.Checks)-1]; check.State == Failed {
		return &Defect{Why: check.Name + ": " + check.Detail}
	}
	r.After = after
	return nil
}

// replyTokens bounds a reply: a whole file may grow, blocks repeat a part.
func (f File) replyTokens() int {
	const bytesPerToken = 3
	if f.inBlocks() {
		return 4000
	}
	return min(1500+len(f.Text)*3/2/bytesPerToken, 12000)
}
