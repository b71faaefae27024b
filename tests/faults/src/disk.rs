//! Disks that can be filled, stopped and broken: a small one in memory, and a real file system in a file. Both need root.
use crate::shell::{said, tried};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// A file system that is taken away with this.
pub(crate) struct Disk {
    folder: tempfile::TempDir,
}

impl Disk {
    /// A small one in memory, of so many KiB.
    pub(crate) fn small(kib: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        said(&format!("mount -t tmpfs -o size={kib}k,mode=0777 tmpfs {}", made(folder.path().join("on"))));
        Self { folder }
    }

    /// An ext4 in a file, which becomes read-only when it meets an error.
    pub(crate) fn real() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image").display().to_string();
        said(&format!("truncate -s 64M {image}"));
        said(&format!("mkfs.ext4 -q {image}"));
        let on = made(folder.path().join("on"));
        said(&format!("mount -o loop,errors=remount-ro {image} {on}"));
        Self { folder }
    }

    /// Whether file systems of this kind can be made here.
    pub(crate) fn works(make: fn() -> Self) -> bool {
        std::panic::catch_unwind(make).is_ok()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("on")
    }

    /// Takes all the room that is left.
    pub(crate) fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.path().join("filler")).unwrap();
        for size in [1 << 16, 1 << 12, 1] {
            let zeros = vec![0; size];
            while file.write_all(&zeros).is_ok() {}
        }
    }

    /// Gives it back.
    pub(crate) fn make_room(&self) {
        std::fs::remove_file(self.path().join("filler")).unwrap();
    }

    /// Lets every write wait.
    pub(crate) fn stop(&self) {
        said(&format!("fsfreeze -f {}", self.path().display()));
    }

    /// Lets writes go on.
    pub(crate) fn go_on(&self) {
        said(&format!("fsfreeze -u {}", self.path().display()));
    }

    /// Meets an error, and takes no more writes.
    pub(crate) fn break_down(&self) {
        let device = said(&format!("findmnt -n -o SOURCE {}", self.path().display()));
        let name = device.strip_prefix("/dev/").unwrap_or(&device);
        std::fs::write(format!("/sys/fs/ext4/{name}/trigger_fs_error"), "broken by a test\n").unwrap();
    }

    /// What hands do to a broken disk: taken off, checked, put back.
    pub(crate) fn repair(&self) {
        let (on, image) = (self.path(), self.folder.path().join("image"));
        said(&format!("umount {}", on.display()));
        // 1: mended.
        let _mended = tried(&format!("e2fsck -fy {}", image.display()));
        said(&format!("mount -o loop,errors=remount-ro {} {}", image.display(), on.display()));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let on = self.path();
        let _free = tried(&format!("fsfreeze -u {}", on.display()));
        for _ in 0..50 {
            if tried(&format!("umount {}", on.display())).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let _lazily = tried(&format!("umount -l {}", on.display()));
    }
}

/// Makes a folder; gives its name.
fn made(folder: PathBuf) -> String {
    std::fs::create_dir_all(&folder).unwrap();
    folder.display().to_string()
}
