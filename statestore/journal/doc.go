// Package journal is what a record means: the gate machine, keys, counters,
// money and retention, each as statements inside a transaction that somebody
// else has opened. It opens nothing, waits for nothing and knows no files.
package journal
