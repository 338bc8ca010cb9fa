package statestore

// children are the programs that this test binary can be.
var children = map[string]func() int{}
