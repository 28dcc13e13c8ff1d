//! A small JSON reader for the recorded data. Numbers stay text until somebody asks, so nothing is rounded twice.

use std::ops::Index;

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    Array(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    pub fn array(&self) -> &[Value] {
        match self {
            Value::Array(items) => items,
            other => panic!("not an array: {other:?}"),
        }
    }

    pub fn text(&self) -> &str {
        match self {
            Value::Text(text) => text,
            other => panic!("not a text: {other:?}"),
        }
    }

    pub fn bool(&self) -> bool {
        match self {
            Value::Bool(value) => *value,
            other => panic!("not a boolean: {other:?}"),
        }
    }

    pub fn usize(&self) -> usize {
        match self {
            Value::Number(digits) => digits.parse().expect("a count"),
            other => panic!("not a count: {other:?}"),
        }
    }

    /// Numbers, and the texts that stand for those that JSON lacks.
    pub fn f64(&self) -> f64 {
        match self {
            Value::Number(digits) => digits.parse().expect("a number"),
            Value::Text(name) if name == "NaN" => f64::NAN,
            Value::Text(name) if name == "Infinity" => f64::INFINITY,
            Value::Text(name) if name == "-Infinity" => f64::NEG_INFINITY,
            other => panic!("not a number: {other:?}"),
        }
    }

    pub fn floats(&self) -> Vec<f64> {
        self.array().iter().map(Value::f64).collect()
    }

    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    pub fn get(&self, key: &str) -> Option<&Value> {
        match self {
            Value::Object(fields) => fields.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            other => panic!("not an object: {other:?}"),
        }
    }
}

impl Index<&str> for Value {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or_else(|| panic!("no field {key}"))
    }
}

pub fn parse(text: &str) -> Result<Value, String> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value()?;
    parser.skip_space();
    if parser.at == text.len() {
        Ok(value)
    } else {
        parser.fail("more text")
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn fail<T>(&self, what: &str) -> Result<T, String> {
        Err(format!("{what} at byte {}", self.at))
    }

    fn skip_space(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.text[self.at..].starts_with(token);
        self.at += if found { token.len() } else { 0 };
        found
    }

    fn value(&mut self) -> Result<Value, String> {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(),
            Some(b'[') => self.list(),
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => Ok(self.number()),
            _ if self.take("null") => Ok(Value::Null),
            _ if self.take("true") => Ok(Value::Bool(true)),
            _ if self.take("false") => Ok(Value::Bool(false)),
            _ => self.fail("no value"),
        }
    }

    fn number(&mut self) -> Value {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        self.at += end;
        Value::Number(rest[..end].to_owned())
    }

    fn list(&mut self) -> Result<Value, String> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take("]") {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.skip_space();
            if self.take("]") {
                return Ok(Value::Array(items));
            }
            if !self.take(",") {
                return self.fail("no comma");
            }
        }
    }

    fn object(&mut self) -> Result<Value, String> {
        self.at += 1;
        let mut fields = Vec::new();
        self.skip_space();
        if self.take("}") {
            return Ok(Value::Object(fields));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            if !self.take(":") {
                return self.fail("no colon");
            }
            fields.push((name, self.value()?));
            self.skip_space();
            if self.take("}") {
                return Ok(Value::Object(fields));
            }
            if !self.take(",") {
                return self.fail("no comma");
            }
        }
    }

    fn string(&mut self) -> Result<String, String> {
        if !self.take("\"") {
            return self.fail("no string");
        }
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = match rest.find(['"', '\\']) {
                Some(end) => end,
                None => return self.fail("open string"),
            };
            out.push_str(&rest[..end]);
            self.at += end;
            if self.take("\"") {
                return Ok(out);
            }
            self.at += 1;
            let escape = self.peek();
            self.at += 1;
            out.push(match escape {
                Some(b'n') => '\n',
                Some(b'r') => '\r',
                Some(b't') => '\t',
                Some(b'b') => '\u{8}',
                Some(b'f') => '\u{c}',
                Some(b'u') => self.unicode_escape()?,
                Some(c @ (b'"' | b'\\' | b'/')) => c as char,
                _ => return self.fail("unknown escape"),
            });
        }
    }

    fn unicode_escape(&mut self) -> Result<char, String> {
        let mut units = vec![self.hex4()?];
        if (0xd800..0xdc00).contains(&units[0]) && self.take("\\u") {
            units.push(self.hex4()?);
        }
        match char::decode_utf16(units).next() {
            Some(Ok(c)) => Ok(c),
            _ => self.fail("bad escape"),
        }
    }

    fn hex4(&mut self) -> Result<u16, String> {
        let digits = self.text.get(self.at..self.at + 4).unwrap_or("");
        self.at += 4;
        u16::from_str_radix(digits, 16).or_else(|_| self.fail("bad escape"))
    }
}
