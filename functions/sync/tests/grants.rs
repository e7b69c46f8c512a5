//! What `sync` asks of AWS, and what its role grants.

#[path = "../../../tests/contract/granted.rs"]
mod granted;

#[test]
fn the_role_grants_what_the_binary_asks_of_aws_and_nothing_else() {
    granted::is_what_is_used("Sync", env!("CARGO_BIN_EXE_sync"));
}
