//! Opens libeml once per process and looks its functions up when they are first called.

use std::env;
use std::ffi::{CStr, CString, OsStr};
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, PoisonError};

#[link(name = "dl")]
extern "C" {
    fn dlopen(file: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlerror() -> *const c_char;
}
const RTLD_NOW: c_int = 2;
const RTLD_NOLOAD: c_int = 4;

const SONAME: &str = "libeml.so.1";

/// The open library; null until the first call.
static LIBRARY: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static OPENING: Mutex<()> = Mutex::new(());

/// Opens the library now rather than at the first call of one of its functions. The error says what was tried.
pub fn load() -> Result<(), String> {
    library().map(|_| ())
}

/// A function of the library, looked up once.
pub(crate) struct Symbol {
    name: &'static str,
    address: AtomicPtr<c_void>,
}

impl Symbol {
    /// `name` ends in a NUL.
    pub(crate) const fn new(name: &'static str) -> Self {
        Symbol { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    pub(crate) fn address(&self) -> *mut c_void {
        let known = self.address.load(Ordering::Acquire);
        if known.is_null() {
            self.look_up()
        } else {
            known
        }
    }

    #[cold]
    fn look_up(&self) -> *mut c_void {
        let found = library().and_then(|library| lookup(library, self.name));
        let address = found.unwrap_or_else(|message| panic!("{message}"));
        self.address.store(address, Ordering::Release);
        address
    }
}

/// Turns `extern "C"` declarations into functions of the same name and type that call into the opened library.
macro_rules! dynamic {
    (extern "C" {
        $( $(#[$meta:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)?; )*
    }) => {
        $(
            $(#[$meta])*
            #[inline]
            pub unsafe fn $name($($arg: $type),*) $(-> $result)? {
                static SYMBOL: $crate::loader::Symbol =
                    $crate::loader::Symbol::new(concat!(stringify!($name), "\0"));
                type Function = unsafe extern "C" fn($($type),*) $(-> $result)?;
                let function = std::mem::transmute::<*mut std::os::raw::c_void, Function>(SYMBOL.address());
                function($($arg),*)
            }
        )*
    };
}

fn library() -> Result<*mut c_void, String> {
    let open = LIBRARY.load(Ordering::Acquire);
    if !open.is_null() {
        return Ok(open);
    }
    let _guard = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let open = LIBRARY.load(Ordering::Acquire);
    if !open.is_null() {
        return Ok(open);
    }
    let open = open_first()?;
    LIBRARY.store(open, Ordering::Release);
    Ok(open)
}

fn open_first() -> Result<*mut c_void, String> {
    if let Some(file) = env::var_os("EML_LIBRARY").filter(|file| !file.is_empty()) {
        let file = PathBuf::from(file);
        return open(&file, RTLD_NOW).map_err(|reason| format!("EML_LIBRARY names {}, but: {reason}", file.display()));
    }

    let soname = Path::new(SONAME);
    if let Ok(library) = open(soname, RTLD_NOW | RTLD_NOLOAD) {
        return Ok(library);
    }

    let mut candidates = Vec::new();
    let mut refusals = Vec::new();
    let search_path = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    if env::split_paths(&search_path).any(|folder| folder.join(SONAME).exists()) {
        candidates.push(soname.to_path_buf());
    }
    if let Some(folder) = option_env!("EML_SYS_LIB_DIR") {
        let files = files_of(Path::new(folder));
        if files.is_empty() {
            refusals.push(format!("  {folder}: no {SONAME} there"));
        }
        candidates.extend(files);
    }
    candidates.push(soname.to_path_buf());

    for path in candidates {
        match open(&path, RTLD_NOW) {
            Ok(library) => return Ok(library),
            Err(reason) => refusals.push(format!("  {}: {reason}", path.display())),
        }
    }
    Err(format!(
        "libeml cannot be loaded. Run `make build` in its repository, install it, or set EML_LIBRARY to the file. \
         Tried:\n{}",
        refusals.join("\n")
    ))
}

/// The libraries in a folder that this processor can run, best first.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let names = twins().into_iter().flat_map(|twin| [SONAME, "libeml.so"].map(|name| folder.join(twin).join(name)));
    names.filter(|file| file.exists()).collect()
}

/// The subfolders that hold a library for this processor, best first. glibc does the same for folders that it searches itself. Only
/// what tells the levels apart in practice is asked for: no processor with AVX2 and FMA lacks MOVBE or F16C.
fn twins() -> Vec<&'static str> {
    let mut folders = vec![""];
    #[cfg(target_arch = "x86_64")]
    {
        let v3 = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt");
        let v4 = v3
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512cd")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl");
        if v3 {
            folders.insert(0, "glibc-hwcaps/x86-64-v3");
        }
        if v4 {
            folders.insert(0, "glibc-hwcaps/x86-64-v4");
        }
    }
    folders
}

fn open(path: &Path, flags: c_int) -> Result<*mut c_void, String> {
    let file = c_string(path.as_os_str())?;
    // SAFETY: `file` is NUL-terminated; the library has no constructors with requirements of their own.
    let library = unsafe { dlopen(file.as_ptr(), flags) };
    if library.is_null() {
        return Err(last_error());
    }
    let address = lookup(library, "eml_abi_version\0")?;
    // SAFETY: that is the type of eml_abi_version in every version of the header.
    let version = unsafe { std::mem::transmute::<*mut c_void, unsafe extern "C" fn() -> u32>(address)() };
    if version == crate::EML_ABI_VERSION {
        Ok(library)
    } else {
        Err(format!("its ABI version is {version}, but this program needs {}", crate::EML_ABI_VERSION))
    }
}

fn lookup(library: *mut c_void, name: &'static str) -> Result<*mut c_void, String> {
    // SAFETY: `name` ends in a NUL.
    let address = unsafe { dlsym(library, name.as_ptr().cast()) };
    if address.is_null() {
        Err(format!("libeml lacks a function: {}", last_error()))
    } else {
        Ok(address)
    }
}

fn last_error() -> String {
    // SAFETY: dlerror returns NULL or a string that lives until the thread's next dl call.
    unsafe {
        let text = dlerror();
        if text.is_null() {
            "unknown reason".to_owned()
        } else {
            CStr::from_ptr(text).to_string_lossy().into_owned()
        }
    }
}

fn c_string(text: &OsStr) -> Result<CString, String> {
    CString::new(text.as_bytes()).map_err(|_| "the path contains a NUL".to_owned())
}
