package statestore

import (
	"testing"
	"time"
)

// processorTime is not measured there.
func processorTime(testing.TB) time.Duration { return 0 }
