document.querySelector('#where').textContent = `served from ${location.host}`
