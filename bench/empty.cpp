// The least that a C++ program takes to start and end.
int main() {}
