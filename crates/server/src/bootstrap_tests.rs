use super::*;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("it exists").permissions().mode() & 0o777
}

#[test]
fn a_new_folder_is_closed_to_others() {
    let parent = tempfile::tempdir().expect("a folder");
    let data = parent.path().join("a/b");
    private_folder(&data).expect("made");
    assert_eq!(mode(&data), 0o700);
}

#[test]
fn an_open_folder_is_closed_if_it_is_ours_and_refused_if_not() {
    let data = tempfile::tempdir().expect("a folder");
    let open = || std::fs::set_permissions(data.path(), Permissions::from_mode(0o755)).expect("set");
    open();
    private_folder(data.path()).expect("an empty one is taken");
    assert_eq!(mode(data.path()), 0o700);

    std::fs::write(data.path().join("letter.txt"), "").expect("written");
    open();
    let refused = private_folder(data.path()).expect_err("it holds something else").to_string();
    assert!(refused.contains(&data.path().display().to_string()), "{refused}");
    assert_eq!(mode(data.path()), 0o755);

    std::fs::write(data.path().join("lock"), "").expect("written");
    private_folder(data.path()).expect("a data folder is taken");
    assert_eq!(mode(data.path()), 0o700);
}

#[test]
fn the_folder_is_locked_until_the_lock_is_dropped() {
    let data = tempfile::tempdir().expect("a folder");
    let held = lock(data.path()).expect("free");
    let refused = lock(data.path()).err().expect("taken").to_string();
    assert!(refused.contains(&data.path().display().to_string()), "{refused}");
    drop(held);
    // A process that another test starts has every descriptor for a moment, until it becomes another program.
    let is_free = |_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        lock(data.path()).is_ok()
    };
    assert!((0..200).any(is_free));
}

#[test]
fn a_written_token_is_taken_up_again() {
    let data = tempfile::tempdir().expect("a folder");
    let file = data.path().join(TOKEN_FILE);
    assert_eq!(written_token(&file).expect("none"), None);
    std::fs::write(data.path().join("api-token.new"), "half").expect("written");
    write_token(data.path(), &file, "secret".to_owned()).expect("written");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(written_token(&file).expect("readable").as_deref(), Some("secret"));
    std::fs::write(&file, "\n").expect("written");
    assert!(written_token(&file).is_err());
}

#[test]
fn the_first_account_takes_what_is_given_and_has_an_admin_token() {
    let given = FirstAccount {
        id: AccountId::parse(&"a".repeat(32)).ok(),
        hash: AccountHash::parse(&"h".repeat(22)).ok(),
        api_token: None,
        signing_key: Some("key".to_owned()),
    };
    let new = new_account("default", Role::InstanceAdmin, &given, "secret", 7).expect("made");
    assert_eq!((Some(new.account.id), Some(new.account.hash)), (given.id, given.hash));
    assert_eq!((new.key.name().as_str(), new.key.value()), ("default", "key"));
    assert_eq!((new.token.hash, new.token.role), (TokenHash::of("secret"), Role::InstanceAdmin));
    assert_eq!(new.variant.transform.canonical(), "fit=scale-down,width=1366,height=768,metadata=none");
}
