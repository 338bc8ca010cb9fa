//go:build unix

package sqldb

import (
	"errors"
	"syscall"
)

// quota says that the user's share of the disk is used up.
func quota(err error) bool { return errors.Is(err, syscall.EDQUOT) }
