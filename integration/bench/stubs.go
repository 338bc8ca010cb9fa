package main
import "context"
func fleet(_ context.Context, l *lab) ([]row, error) { return nil,nil}
