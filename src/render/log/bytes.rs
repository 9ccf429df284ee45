//! Numbers as bytes, little-endian, in places of fixed size.

/// Puts numbers one after the other into a place; what does not fit is noticed
/// at the end. Real-time: yes.
pub(super) struct Out<'a> {
    place: &'a mut [u8],
    at: usize,
}

impl<'a> Out<'a> {
    pub(super) fn new(place: &'a mut [u8]) -> Out<'a> {
        Out { place, at: 0 }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        let end = self.at.saturating_add(bytes.len());
        if let Some(place) = self.place.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
        }
        self.at = end;
        self
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(super) fn f32(&mut self, value: f32) -> &mut Self {
        self.u32(value.to_bits())
    }

    /// How many bytes were put; `None` where they did not fit.
    pub(super) fn length(&self) -> Option<usize> {
        (self.at <= self.place.len()).then_some(self.at)
    }
}

/// Takes numbers out of bytes; `None` where they are at their end. Real-time: yes.
#[derive(Clone, Copy)]
pub(super) struct In<'a>(pub(super) &'a [u8]);

impl<'a> In<'a> {
    pub(super) fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(bytes)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*bytes)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn f32(&mut self) -> Option<f32> {
        self.u32().map(f32::from_bits)
    }
}
