package main

import "context"

func demo(_ context.Context, _ world, _ []string) error { return nil }
