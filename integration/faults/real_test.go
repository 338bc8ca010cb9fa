package faults

// onReal names the rows that TestRealOllama shows on a real server too.
var onReal = map[string]bool{}
