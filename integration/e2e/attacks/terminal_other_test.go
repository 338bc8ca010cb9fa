//go:build unix && !linux

package attacks

import (
	"errors"
	"os"
)

func terminal() (us, its *os.File, err error) {
	return nil, nil, errors.New("pseudo-terminals are opened on Linux alone here")
}
