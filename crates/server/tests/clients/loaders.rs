//! URLs that unpic, @nuxt/image and a loader for next/image build.

use crate::script::Script;
use crate::server::Server;

#[test]
fn urls_of_image_loaders_give_pictures_of_the_right_size() {
    let data = tempfile::tempdir().expect("a folder");
    Script::new("loaders.mjs", &Server::start(data.path())).checks_at_least(85);
}
